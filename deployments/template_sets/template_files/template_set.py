"""A template set: a root template, its nested templates, and the files that are uploaded with them.

A manifest, `template-set.yaml`, describes the set. Missing values are read from the templates: the root is
the template that no other one nests, the TemplateURLs
`https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/x.yaml` contain the parameters of the bucket and
the prefix (the domain may be `${AWS::URLSuffix}`), and a folder `playbook` becomes `playbook.zip`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import re2

from deployments.cloudformation.conditions import TemplateValues, mapping
from deployments.cloudformation.nested_templates import STACK, TemplateSide
from deployments.cloudformation.parameters import Parameter, ParameterGroup, Preset
from deployments.cloudformation.release_kind import ReleaseRule
from deployments.cloudformation.template_rules import Rule
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.template_files import digests, manifest, parameters, yaml_files
from deployments.template_sets.template_files.manifest import MANIFEST, Artifact, Manifest, sources
from deployments.template_sets.template_files.parameters import read_rules
from deployments.template_sets.template_files.restored_data import (
    NO_SECOND,
    NOT_RESTORED,
    RestoreParameters,
    SecondDatabase,
)
from deployments.template_sets.template_files.template_tree import missing_templates, root_candidates
from deployments.template_sets.template_files.yaml_files import Checked

MAX_TEMPLATES = 200
MAX_TOTAL = 10_000_000
"""Maximum size of all templates in bytes: they are read during a request."""
MAX_RESOURCES = 500
"""Maximum number of resources in one template:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
_ENDINGS = (".yaml", ".yml", ".json", ".template")
_TEMPLATE_URL = re2.compile(
    r"https://\$\{(\w+)\}\.s3[.-].*?(?:amazonaws\.com(?:\.cn)?|\$\{AWS::URLSuffix\})/"
    r"(?:\$\{(\w+)\}|([\w./-]+))/[^/]+$"
)
"""With RE2, whose time is linear: the URL is of a template from outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSet:
    """The content of a folder. `digest` changes with its files and with what its manifest says.

    `objects_digest` changes if any object to upload changes; the manifest is not uploaded. Sets that earlier
    releases stored have it as their `digest` (`deployments/template_sets/models/stored_sets.py`).

    If the portal sets `prefix_parameter`, keys are content-addressed. In a set without a manifest, the
    operator chooses the prefix, which is also in the names of resources; `own_prefix` is then False.
    """

    folder: Path
    name: str
    description: str
    root: Path
    templates: tuple[Path, ...]
    artifacts: tuple[Artifact, ...]
    bucket_parameter: str
    prefix_parameter: str
    own_prefix: bool
    fixed_prefix: str
    groups: tuple[ParameterGroup, ...]
    presets: tuple[Preset, ...]
    rules: tuple[Rule, ...] = ()
    digest: str
    objects_digest: str
    boundary_parameter: str = ""
    protection_parameter: str = ""
    restore: RestoreParameters = NOT_RESTORED
    second: SecondDatabase = NO_SECOND
    images: Mapping[str, Any] = field(default_factory=dict)
    """The SSM parameter of each image parameter, as in the manifest."""
    release: ReleaseRule | None = None
    contents: Mapping[str, dict[str, Any]] = field(default_factory=dict, repr=False, compare=False)
    """The parsed templates by file name."""
    held: object = field(default=None, repr=False, compare=False)
    """An object that lives as long as the set: a temporary folder is deleted once nothing uses it."""

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Return the parameters that the user sets, by name."""
        return {p.name: p for group in self.groups for p in group.parameters}

    @property
    def defaults(self) -> dict[str, str]:
        """Return the defaults of the parameters that have one."""
        return {name: one.default for name, one in self.parameters.items() if one.default is not None}

    @property
    def choose_once(self) -> frozenset[str]:
        """Return the parameters that keep the value that an environment is created with."""
        return frozenset(name for name, parameter in self.parameters.items() if parameter.choose_once)

    def missing_templates(self, values: Mapping[str, str]) -> list[str]:
        """Return the missing files of the set that nested stacks need with these parameters."""
        return missing_templates(self.contents, self.root.name, self.bucket_parameter, values)

    def wants_protection(self, values: Mapping[str, str]) -> bool:
        """Return whether an environment with these values is protected; always without such a parameter."""
        return not self.protection_parameter or values.get(self.protection_parameter) == "true"

    def databases(self, known: Mapping[str, str]) -> dict[str, str]:
        """Return the values of the parameters of two databases, as `fixed` does; {} in a set without them."""
        fixed = self.fixed(known)
        return {name: fixed[name] for name in self.second.pinned}

    def fixed(self, known: Mapping[str, str]) -> dict[str, str]:
        """Return an environment's values for the parameters of a change, from which those chosen once follow.

        An environment from before the parameters of restored data was not restored, and must not be: a value
        would replace its database. Nor has it a second database.
        """
        single = {name: self.defaults.get(name, "") for name in self.second.names}
        return {**dict.fromkeys(self.restore.names, ""), **single, **known}

    def side(self, values: Mapping[str, str]) -> TemplateSide:
        """Return the templates with the values that their root stack gets."""
        return TemplateSide(templates=self.contents, root=self.root.name, values=values)

    def image_names(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the SSM parameter with the machine image, by the parameter for its id.

        Images that the values of the parameters do not determine are left out: the templates look them up.
        """
        scope = TemplateValues(self.contents[self.root.name], values)
        return {name: found for name, value in self.images.items() if (found := scope.literal(value))}


_read: dict[Path, tuple[tuple[object, ...], TemplateSet]] = {}
"""The set of each folder, with the state of its files at that time: reading it takes 0.2 s."""


def load(folder: Path) -> TemplateSet:
    """Return the template set of a folder that lasts; it is only read again after a change of its files.

    Raise UserFixable("TemplateSetMissing" or "TemplateSetBroken") with a message that names the file.
    """
    state, known = _read.get(folder, ((), None))
    if known is not None and state and _state(known) == state:
        return known
    fresh = read(folder, checks_values=True)
    _read[folder] = _state(fresh), fresh
    return fresh


def _state(template_set: TemplateSet) -> tuple[object, ...]:
    """Return names, sizes and times of all files of a set; () if one no longer exists."""
    try:
        files = [path for artifact in template_set.artifacts for _, path in sources(artifact)]
        files += [path for path in template_set.folder.iterdir() if path.is_file()]
        return tuple(sorted((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in files))
    except OSError:
        return ()


def read(folder: Path, held: object = None, *, checks_values: bool = False) -> TemplateSet:
    """Return the template set of a folder, which may be temporary: the set keeps `held` alive.

    The values in its manifest are checked with `checks_values` only. Of sets from outside they are checked
    in the process that fetches, whose time is limited. Raise UserFixable as `load` does.
    """
    if not folder.is_dir():
        raise UserFixable("TemplateSetMissing", Code.TEMPLATE_SET_NOT_FOUND, folder=folder)
    about = manifest.read(folder)
    templates = _templates(folder, about.exclude)
    contents = {path: yaml_files.read(path) for path in templates}
    for path, content in contents.items():
        _check_sizes(Checked(file=path.name, place="", value=content))
    root = _root(folder, about, contents)
    bucket, prefix, own, fixed = _filled_by_the_portal(about, contents[root])
    whole = Checked(file=root.name, place="", value=contents[root])
    declared = dict(whole.get("Parameters").items())
    for name in filter(None, (bucket, prefix, about.boundary, *about.images)):
        if name not in declared:
            raise whole.broken(Code.FILE_WITHOUT_PARAMETER, parameter=name)
    _check_release(about.release, whole)
    filled = {*about.images, about.boundary, bucket}
    groups = parameters.groups(whole, filled | {prefix} if own else filled)
    try:
        objects_digest = digests.of_objects(templates, about.artifacts)
    except (OSError, UnicodeEncodeError) as exc:  # a file that cannot be read, a name that is not UTF-8
        raise UserFixable("TemplateSetBroken", Code.FILE_UNREADABLE, file=folder.name, why=exc) from exc
    return TemplateSet(
        folder=folder,
        name=folder.name,
        description=whole.get("Description").text(),
        root=root,
        templates=templates,
        artifacts=about.artifacts,
        bucket_parameter=bucket,
        prefix_parameter=prefix,
        own_prefix=own,
        fixed_prefix=fixed,
        groups=parameters.applied(groups, about, checks_values=checks_values),
        presets=about.presets,
        rules=read_rules(whole),
        digest=digests.of_set(objects_digest, folder),
        objects_digest=objects_digest,
        boundary_parameter=about.boundary,
        protection_parameter=about.protection,
        restore=about.restore,
        second=about.second,
        images=about.images,
        release=about.release,
        contents={path.name: content for path, content in contents.items()},
        held=held,
    )


def _templates(folder: Path, exclude: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the template files of a folder without the excluded ones.

    Raise UserFixable if it cannot be read or has too many.
    """
    try:
        found = sorted(path for path in folder.iterdir() if _is_template(path) and path.name not in exclude)
        size = sum(path.stat().st_size for path in found)
    except OSError as exc:
        raise UserFixable("TemplateSetBroken", Code.FILE_UNREADABLE, file=folder.name, why=exc) from exc
    if len(found) > MAX_TEMPLATES or size > MAX_TOTAL:
        raise UserFixable(
            "TemplateSetBroken",
            Code.TOO_MANY_TEMPLATES,
            folder=folder.name,
            count=len(found),
            size=f"{size:,}",
            limit=MAX_TEMPLATES,
            total=f"{MAX_TOTAL:,}",
        )
    return tuple(found)


def _is_template(path: Path) -> bool:
    named = path.suffix in _ENDINGS and path.name != MANIFEST and not path.name.startswith(".")
    return named and path.is_file()


def _check_sizes(content: Checked) -> None:
    """Raise UserFixable if a template has more parameters or resources than CloudFormation allows."""
    parameters.check_number(content)
    declared = content.value.get("Resources")
    if isinstance(declared, dict) and len(declared) > MAX_RESOURCES:
        raise content.broken(
            Code.TOO_MANY_RESOURCES,
            count=len(declared),
            limit=MAX_RESOURCES,
        )


def _check_release(rule: ReleaseRule | None, root: Checked) -> None:
    """Raise UserFixable if the stack with the servers of releases is not in the root template."""
    if rule is None:
        return
    found = mapping(mapping(root.value.get("Resources")).get(rule.servers.partition("/")[0]))
    if found.get("Type") != STACK:
        place = Checked(file=MANIFEST, place="release.servers", value=rule.servers)
        raise place.broken(Code.MANIFEST_RELEASE_SERVERS, stack=rule.servers, root=root.file)


def _root(folder: Path, about: Manifest, contents: Mapping[Path, dict[str, Any]]) -> Path:
    if about.root:
        root = folder / about.root
        if root not in contents:
            raise UserFixable(
                "TemplateSetBroken",
                Code.MANIFEST_FILE_MISSING,
                manifest=MANIFEST,
                file=root.name,
            )
        return root
    by_name = {path.name: path for path in contents}
    candidates = [path.name for path in contents if path.stem == "root"] or root_candidates(
        {path.name: content for path, content in contents.items()}
    )
    if not candidates:
        raise UserFixable("TemplateSetBroken", Code.ROOT_TEMPLATE_MISSING, folder=folder, manifest=MANIFEST)
    if len(candidates) > 1:
        raise UserFixable(
            "TemplateSetBroken",
            Code.ROOT_TEMPLATE_UNDECIDED,
            folder=folder,
            candidates=", ".join(candidates),
            manifest=MANIFEST,
        )
    return by_name[candidates[0]]


def _template_urls(content: Mapping[str, Any]) -> Iterator[str]:
    resources = content.get("Resources")
    for resource in (resources if isinstance(resources, dict) else {}).values():
        if isinstance(resource, dict) and resource.get("Type") == "AWS::CloudFormation::Stack":
            url = mapping(resource.get("Properties")).get("TemplateURL")
            if isinstance(url, dict):
                url = url.get("Fn::Sub")
                url = url[0] if isinstance(url, list) and url else url
            if isinstance(url, str):
                yield url


def _filled_by_the_portal(about: Manifest, root: Mapping[str, Any]) -> tuple[str, str, bool, str]:
    """Return (bucket parameter, prefix parameter, whether the portal chooses the prefix, a literal one)."""
    if about.bucket is not None and about.prefix is not None:
        return about.bucket, about.prefix, True, ""
    for url in _template_urls(root):
        match = _TEMPLATE_URL.match(url)
        if match:
            return match[1], match[2] or "", False, match[3] or ""
    return "", "", True, ""
