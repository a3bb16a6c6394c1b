"""The manifest of a template set: the root template, the parameters that the portal sets, the zips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployments.cloudformation.parameters import Preset
from deployments.cloudformation.release_kind import ReleaseRule
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.template_files import yaml_files
from deployments.template_sets.template_files.restored_data import (
    NO_SECOND,
    NOT_RESTORED,
    RestoreParameters,
    SecondDatabase,
)
from deployments.template_sets.template_files.yaml_files import Checked

MANIFEST = "template-set.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A zip to build: from a folder (and additional ones), or from a module with packages."""

    key: str
    folder: Path | None = None
    also: tuple[tuple[str, Path], ...] = ()
    module: Path | None = None
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The description of a set. `bucket` and `prefix` are None if they must be read from the templates.

    Parameters in `choose_once` keep the value that an environment is created with; those in `same_region` are
    ARNs of resources that must be in the region of the environment. `new_environments` has
    values for new environments that replace a parameter's default: CloudFormation uses the default for every
    stack that does not have the parameter yet, so the default must not change such a stack. `main` has the
    parameters that the form always shows; None means all of them.
    `boundary` is the parameter for the ARN of the permissions boundary of the roles.
    `protection` is the parameter (true or false) that protects databases and load balancers from deletion.
    `restore` has the parameters for the data that a new database is restored from, and `second` those of a
    database that is restored beside it.
    `images` has the parameters for the id of a machine image, each with the name of the SSM parameter that
    contains the id: a text, or Ref, Fn::FindInMap and the like with the root template's parameters.
    Files in `exclude` are templates that are not part of the set. `release` describes a release to running
    servers, None if the set has none.
    """

    root: str = ""
    bucket: str | None = None
    prefix: str | None = None
    boundary: str = ""
    artifacts: tuple[Artifact, ...] = ()
    choose_once: tuple[str, ...] = ()
    same_region: tuple[str, ...] = ()
    new_environments: Mapping[str, str] = field(default_factory=dict)
    main: tuple[str, ...] | None = None
    presets: tuple[Preset, ...] = ()
    protection: str = ""
    restore: RestoreParameters = NOT_RESTORED
    second: SecondDatabase = NO_SECOND
    images: Mapping[str, Any] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    release: ReleaseRule | None = None


def read(folder: Path) -> Manifest:
    """Return the manifest of a folder.

    If it does not list artifacts, or there is no manifest, a folder `playbook` is the only artifact.

    Raise UserFixable if it is invalid, or names a file that does not exist.
    """
    if not (folder / MANIFEST).exists():
        return Manifest(artifacts=_usual_artifacts(folder))
    content = Checked(file=MANIFEST, place="", value=yaml_files.read(folder / MANIFEST))
    bucket, prefix = content.get("bucket_parameter"), content.get("prefix_parameter")
    filled = bucket.value is not None or prefix.value is not None
    artifacts = (
        _usual_artifacts(folder)
        if content.get("artifacts").value is None
        else tuple(_artifacts(folder, content.get("artifacts")))
    )
    return Manifest(
        root=content.get("root").text(),
        bucket=bucket.text() if filled else None,
        prefix=prefix.text() if filled else None,
        boundary=content.get("boundary_parameter").text(),
        artifacts=artifacts,
        choose_once=_names(content.get("choose_once")),
        same_region=_names(content.get("same_region")),
        new_environments=_texts(content.get("new_environments")),
        main=_names(content.get("main_parameters")) if "main_parameters" in content.value else None,
        presets=tuple(_presets(content.get("presets"))),
        protection=content.get("protection_parameter").text(),
        restore=_restore(content),
        second=_second(content.get("second_database"), _restore(content)),
        images={name: value.value for name, value in content.get("image_parameters").items()},
        exclude=_names(content.get("exclude")),
        release=_release(content, artifacts),
    )


def _restore(content: Checked) -> RestoreParameters:
    """Return the parameters for restored data; those of a point in time are two."""
    declared = content.get("point_in_time_parameters")
    for name in ("cluster", "time") if declared.value is not None else ():
        if not declared.get(name).text():
            raise declared.get(name).broken(Code.VALUE_MISSING)
    return RestoreParameters(
        snapshot=content.get("snapshot_parameter").text(),
        cluster=declared.get("cluster").text(),
        time=declared.get("time").text(),
    )


def _second(declared: Checked, first: RestoreParameters) -> SecondDatabase:
    """Return the parameters of a second database. A set with one has all, except those that came later."""
    if declared.value is None:
        return NO_SECOND
    names = {}
    for name in ("databases", "in_use", "unprotected", "without_instances", "snapshot", "cluster", "time"):
        names[name] = declared.get(name).text()
        if not names[name] and name != "without_instances":
            raise declared.get(name).broken(Code.VALUE_MISSING)
    data = {name: names.pop(name) for name in ("snapshot", "cluster", "time")}
    return SecondDatabase(
        **names,
        restore=RestoreParameters(**data),
        first=first,
    )


def _release(content: Checked, artifacts: tuple[Artifact, ...]) -> ReleaseRule | None:
    """Return the description of a release. Artifacts need a key prefix that changes with their content."""
    declared = content.get("release")
    if declared.value is None:
        return None
    named = declared.get("artifacts").list()
    if not named:
        raise declared.get("artifacts").broken(Code.VALUE_MISSING)
    for one in named:
        if one.text() not in {artifact.key for artifact in artifacts}:
            raise one.broken(Code.MANIFEST_RELEASE_ARTIFACT, key=one.text())
    if not declared.get("servers").text():
        raise declared.get("servers").broken(Code.VALUE_MISSING)
    if not content.get("prefix_parameter").text():
        raise declared.broken(Code.MANIFEST_RELEASE_PREFIX)
    return ReleaseRule(
        artifacts=tuple(one.text() for one in named),
        servers=declared.get("servers").text(),
        code=_names(declared.get("code")),
    )


def _texts(values: Checked) -> dict[str, str]:
    return {name: value.text() for name, value in values.items()}


def _names(names: Checked) -> tuple[str, ...]:
    return tuple(name.text() for name in names.list())


def _presets(entries: Checked) -> Iterator[Preset]:
    for name, entry in entries.items():
        label = entry.get("label").text() or name
        description = entry.get("description").text()
        yield Preset(name=name, label=label, description=description, values=_texts(entry.get("parameters")))


def _usual_artifacts(folder: Path) -> tuple[Artifact, ...]:
    playbook = folder / "playbook"
    return (Artifact(key="playbook.zip", folder=playbook),) if playbook.is_dir() else ()


def _artifacts(folder: Path, entries: Checked) -> Iterator[Artifact]:
    for entry in entries.list():
        key = entry.get("key").text()
        if not key:
            raise entry.broken(Code.KEY_MISSING)
        yield Artifact(
            key=key,
            folder=_existing(folder, entry.get("folder"), key, is_folder=True),
            also=tuple(
                (at, path)
                for at, source in entry.get("also").items()
                if (path := _existing(folder, source, key, is_folder=True))
            ),
            module=_existing(folder, entry.get("module"), key, is_folder=False),
            packages=tuple(name.text() for name in entry.get("packages").list()),
        )


def _existing(folder: Path, named: Checked, key: str, *, is_folder: bool) -> Path | None:
    """Return the folder or file that a value names; None if it is empty. Raise UserFixable if missing."""
    if not named.text():
        return None
    path = folder / named.text()
    try:
        found = path.is_dir() if is_folder else path.is_file()
    except OSError:  # for example, its name is too long
        found = False
    if not found:
        raise UserFixable(
            "TemplateSetBroken",
            Code.MANIFEST_ARTIFACT_MISSING,
            manifest=MANIFEST,
            file=path.name,
            key=key,
        )
    return path


def sources(artifact: Artifact) -> list[tuple[str, Path]]:
    """Return (name in the zip, file) of every file of the set in an artifact, sorted."""
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
