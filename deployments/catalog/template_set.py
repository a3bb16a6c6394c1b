"""A template set: a root template, its nested templates, and what is uploaded beside them.

A set says what it is in `template-set.yaml`; without that file the manner of its root template tells:
the TemplateURLs `https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/x.yaml` name the parameters
that carry the bucket and the prefix, and a folder `playbook` becomes `playbook.zip`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployments.catalog import yaml_files
from deployments.core.parameters import Parameter, ParameterGroup
from deployments.errors import N_, UserFixable

MANIFEST = "template-set.yaml"
_ENDINGS = (".yaml", ".yml", ".json", ".template")
_TEMPLATE_URL = re.compile(r"https://\$\{(\w+)\}\.s3[.-].*?amazonaws\.com/(?:\$\{(\w+)\}|([\w./-]+))/[^/]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A zip to be made: of a folder (and others beside it), or of a module with packages."""

    key: str
    folder: Path | None = None
    also: tuple[tuple[str, Path], ...] = ()
    module: Path | None = None
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSet:
    """What a folder holds. `digest` changes whenever anything that would be uploaded changes.

    When `prefix_parameter` is filled by the portal, keys are content-addressed; in a set without
    manifest the operator chooses the prefix, which names resources as well, and `own_prefix` is False.
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
    digest: str
    contents: Mapping[str, dict[str, Any]] = field(default_factory=dict, repr=False, compare=False)
    """What the templates say, by file name."""

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Return the parameters that a person fills, by name."""
        return {p.name: p for group in self.groups for p in group.parameters}


_read: dict[Path, tuple[tuple[object, ...], TemplateSet]] = {}
"""What was read of each folder, with the state that its files were in: reading costs 0.2 s."""


def load(folder: Path) -> TemplateSet:
    """Return the template set of a folder; read again only when one of its files has changed.

    Raises UserFixable("TemplateSetMissing" or "TemplateSetBroken") with a sentence that names the file.
    """
    state, known = _read.get(folder, ((), None))
    if known is not None and state and _state(known) == state:
        return known
    fresh = _load(folder)
    _read[folder] = _state(fresh), fresh
    return fresh


def _state(template_set: TemplateSet) -> tuple[object, ...]:
    """Return names, sizes and times of everything that a set was read from; () when something is gone."""
    try:
        files = [path for artifact in template_set.artifacts for _, path in sources(artifact)]
        files += [path for path in template_set.folder.iterdir() if path.is_file()]
        return tuple(sorted((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in files))
    except OSError:
        return ()


def _load(folder: Path) -> TemplateSet:
    if not folder.is_dir():
        raise UserFixable("TemplateSetMissing", N_("There is no template set at %(folder)s."), folder=folder)
    manifest_file = folder / MANIFEST
    manifest = yaml_files.read(manifest_file) if manifest_file.exists() else {}
    templates = tuple(
        sorted(p for p in folder.iterdir() if p.is_file() and p.suffix in _ENDINGS and _is_template(p))
    )
    contents = {path: yaml_files.read(path) for path in templates}
    root = _root(folder, manifest, contents)
    bucket, prefix, own, fixed = _filled_by_the_portal(manifest, contents[root])
    declared = contents[root].get("Parameters") or {}
    if not isinstance(declared, dict):
        raise UserFixable("TemplateSetBroken", N_("%(file)s: Parameters is not a mapping."), file=root.name)
    for name in filter(None, (bucket, prefix)):
        if name not in declared:
            raise UserFixable(
                "TemplateSetBroken",
                N_("%(file)s has no parameter %(parameter)s."),
                file=root.name,
                parameter=name,
            )
    hidden = {bucket, prefix} if own else {bucket}
    artifacts = tuple(_artifacts(folder, manifest))
    return TemplateSet(
        folder=folder,
        name=folder.name,
        description=str(contents[root].get("Description") or ""),
        root=root,
        templates=templates,
        artifacts=artifacts,
        bucket_parameter=bucket,
        prefix_parameter=prefix,
        own_prefix=own,
        fixed_prefix=fixed,
        groups=_groups(root, contents[root], hidden),
        digest=_digest(templates, artifacts),
        contents={path.name: content for path, content in contents.items()},
    )


def _is_template(path: Path) -> bool:
    return path.name != MANIFEST and not path.name.startswith(".")


def _root(folder: Path, manifest: Mapping[str, Any], contents: Mapping[Path, dict[str, Any]]) -> Path:
    if manifest.get("root"):
        root = folder / str(manifest["root"])
        if root not in contents:
            raise UserFixable(
                "TemplateSetBroken",
                N_("%(manifest)s names %(file)s, which is not there."),
                manifest=MANIFEST,
                file=root.name,
            )
        return root
    named = [path for path in contents if path.stem == "root"]
    nested = {str(url).rpartition("/")[2] for c in contents.values() for url in _template_urls(c)}
    candidates = named or [path for path in contents if path.name not in nested]
    if len(candidates) != 1:
        raise UserFixable(
            "TemplateSetBroken",
            N_(
                "%(folder)s needs exactly one root template, and %(count)s could be it: call it root.yaml "
                "or name it in %(manifest)s."
            ),
            folder=folder,
            count=len(candidates),
            manifest=MANIFEST,
        )
    return candidates[0]


def _template_urls(content: Mapping[str, Any]) -> Iterator[str]:
    resources = content.get("Resources")
    for resource in (resources if isinstance(resources, dict) else {}).values():
        if isinstance(resource, dict) and resource.get("Type") == "AWS::CloudFormation::Stack":
            url = (resource.get("Properties") or {}).get("TemplateURL")
            if isinstance(url, dict):
                url = url.get("Fn::Sub")
                url = url[0] if isinstance(url, list) else url
            if isinstance(url, str):
                yield url


def _filled_by_the_portal(manifest: Mapping[str, Any], root: Mapping[str, Any]) -> tuple[str, str, bool, str]:
    """Return (bucket parameter, prefix parameter, whether the portal chooses the prefix, a literal one)."""
    if "bucket_parameter" in manifest or "prefix_parameter" in manifest:
        return str(manifest.get("bucket_parameter", "")), str(manifest.get("prefix_parameter", "")), True, ""
    for url in _template_urls(root):
        match = _TEMPLATE_URL.match(url)
        if match:
            return match[1], match[2] or "", False, match[3] or ""
    return "", "", True, ""


def _artifacts(folder: Path, manifest: Mapping[str, Any]) -> Iterator[Artifact]:
    if not manifest:
        if (folder / "playbook").is_dir():
            yield Artifact(key="playbook.zip", folder=folder / "playbook")
        return
    for entry in manifest.get("artifacts") or []:
        artifact = Artifact(
            key=str(entry["key"]),
            folder=folder / entry["folder"] if entry.get("folder") else None,
            also=tuple((at, folder / source) for at, source in (entry.get("also") or {}).items()),
            module=folder / entry["module"] if entry.get("module") else None,
            packages=tuple(entry.get("packages") or ()),
        )
        for source in filter(None, (artifact.folder, artifact.module, *(p for _, p in artifact.also))):
            if not source.exists():
                raise UserFixable(
                    "TemplateSetBroken",
                    N_("%(manifest)s names %(file)s for %(key)s: it is not there."),
                    manifest=MANIFEST,
                    file=source.name,
                    key=artifact.key,
                )
        yield artifact


def _groups(root: Path, content: Mapping[str, Any], hidden: set[str]) -> tuple[ParameterGroup, ...]:
    interface = (content.get("Metadata") or {}).get("AWS::CloudFormation::Interface") or {}
    labels = {name: str(v.get("default", "")) for name, v in (interface.get("ParameterLabels") or {}).items()}
    left = {
        name: _parameter(root, name, spec, labels.get(name, ""))
        for name, spec in (content.get("Parameters") or {}).items()
        if name not in hidden
    }
    groups = []
    for group in interface.get("ParameterGroups") or []:
        members = tuple(left.pop(name) for name in group.get("Parameters") or [] if name in left)
        if members:
            groups.append(
                ParameterGroup(label=str((group.get("Label") or {}).get("default", "")), parameters=members)
            )
    if left:
        groups.append(ParameterGroup(label="", parameters=tuple(left.values())))
    return tuple(groups)


def _parameter(root: Path, name: str, spec: Any, label: str) -> Parameter:
    if not isinstance(spec, dict) or "Type" not in spec:
        raise UserFixable(
            "TemplateSetBroken",
            N_("%(file)s: the parameter %(parameter)s has no Type."),
            file=root.name,
            parameter=name,
        )
    default = spec.get("Default")
    if isinstance(default, list | dict):
        raise UserFixable(
            "TemplateSetBroken",
            N_("%(file)s: the Default of %(parameter)s must be a text or a number."),
            file=root.name,
            parameter=name,
        )
    return Parameter(
        name=name,
        type=str(spec["Type"]),
        default=None if default is None else _text(default),
        allowed_values=tuple(_text(v) for v in spec.get("AllowedValues") or ()),
        allowed_pattern=str(spec.get("AllowedPattern") or ""),
        constraint_description=str(spec.get("ConstraintDescription") or ""),
        min_length=_int(spec.get("MinLength")),
        max_length=_int(spec.get("MaxLength")),
        min_value=_float(spec.get("MinValue")),
        max_value=_float(spec.get("MaxValue")),
        no_echo=str(spec.get("NoEcho", "")).lower() == "true",
        description=" ".join(str(spec.get("Description") or "").split()),
        label=label,
    )


def _text(value: Any) -> str:
    """Return a scalar as CloudFormation reads it: YAML's true is the text `true`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _int(value: Any) -> int | None:
    return None if value is None else int(value)


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _digest(templates: tuple[Path, ...], artifacts: tuple[Artifact, ...]) -> str:
    """Return the SHA-256 over every file that is uploaded or goes into a zip."""
    summary = hashlib.sha256()
    for path in templates:
        summary.update(path.name.encode() + b"\0" + path.read_bytes())
    for artifact in artifacts:
        summary.update(f"{artifact.key}{artifact.packages}".encode())
        for name, path in sources(artifact):
            summary.update(name.encode() + b"\0" + path.read_bytes())
    return summary.hexdigest()


def sources(artifact: Artifact) -> list[tuple[str, Path]]:
    """Return (name in the zip, file) of everything an artifact takes from the set, in a fixed order."""
    found: list[tuple[str, Path]] = []
    if artifact.module:
        found.append((artifact.module.name, artifact.module))
    folders = [("", artifact.folder)] if artifact.folder else []
    for at, folder in (*folders, *((f"{at}/", path) for at, path in artifact.also)):
        found += [
            (f"{at}{path.relative_to(folder).as_posix()}", path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts
        ]
    return found
