"""AWS's offers, from the tables in cfn-lint: engine versions, instance classes and types, runtimes.

cfn-lint generates them from AWS's own APIs; `dated()` returns their date. They are read as files, since
importing cfn-lint takes seconds.
"""

import datetime
import functools
import importlib.util
import json
import re
from pathlib import Path
from typing import Any, Final

EXTENSIONS: Final = "schemas/extensions"
ARM: Final = re.compile(r"(?:a1|[a-z-]+\d+g[a-z]*)\..+")  # Graviton, by AWS's naming of instance types


def _read(path: str) -> Any:
    spec = importlib.util.find_spec("cfnlint")
    if spec is None or not spec.submodule_search_locations:
        raise OSError("cfn-lint, which has the tables of what AWS offers, is not installed")
    return json.loads((Path(spec.submodule_search_locations[0]) / "data" / path).read_text())


@functools.cache
def dated() -> str:
    """Return the date of the tables."""
    return str(_read("schemas/version.json")["schema_date"])


@functools.cache
def engine_versions(engine: str) -> frozenset[str]:
    """Return the versions of a database engine that can still be created; none for an unknown engine."""
    offered, deprecated = (
        _listed(_read(f"{EXTENSIONS}/aws_rds_dbcluster/{name}.json"), "EngineVersion", engine)
        for name in ("engine_version", "engine_version_deprecated")
    )
    return frozenset(offered - deprecated)


def _listed(schema: Any, name: str, engine: str) -> set[str]:
    """Return the values that a conditional schema lists for an engine, in its condition or consequence."""
    found: set[str] = set()
    for rule in schema["allOf"]:
        condition = rule["if"]["properties"]
        if condition.get("Engine", {}).get("const") == engine:
            found |= set(condition.get(name, {}).get("enum", ()))
            then = rule.get("then")
            found |= (
                set(then["properties"].get(name, {}).get("enum", ())) if isinstance(then, dict) else set()
            )
    return found


@functools.cache
def database_classes(engine: str, region: str) -> frozenset[str]:
    """Return the instance classes of a database engine in a region; none if either is unknown."""
    regions = _read(f"{EXTENSIONS}/aws_rds_dbinstance/dbinstanceclass_enum.json")
    return (
        frozenset(_listed(regions[region], "DBInstanceClass", engine)) if region in regions else frozenset()
    )


@functools.cache
def instance_types(region: str) -> frozenset[str]:
    """Return the instance types of EC2 in a region; none for an unknown region."""
    regions = _read(f"{EXTENSIONS}/aws_ec2_instance/instancetype_enum.json")
    return frozenset(regions.get(region, {}).get("enum", ()))


def architecture_of_type(instance_type: str) -> str:
    """Return the architecture of an instance type.

    https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
    """
    return "arm64" if ARM.fullmatch(instance_type) else "x86_64"


def vcpus_of_type(instance_type: str) -> int:
    """Return the number of vCPUs of an instance type for the quota, by AWS's naming of sizes.

    Burstable types have two vCPUs up to large, others one below large; metal counts as the largest size.
    https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-types.html
    """
    family, _dot, size = instance_type.partition(".")
    if found := re.fullmatch(r"(?:metal-)?(\d*)x(?:l|large)", size):
        return 4 * int(found[1] or 1)
    if size.startswith("metal"):
        return 96
    return 2 if size == "large" or family.startswith("t") else 1


@functools.cache
def _runtimes() -> dict[str, dict[str, str | None]]:
    found: dict[str, dict[str, str | None]] = _read("AdditionalSpecs/LmbdRuntimeLifecycle.json")
    return found


def runtimes() -> list[str]:
    """Return the names of Lambda's runtimes, including old ones."""
    return sorted(_runtimes())


def blocked_runtime(runtime: str, operation: str, day: datetime.date) -> bool:
    """Return whether Lambda no longer creates or updates functions of a runtime.

    Args:
        operation: "create" or "update".
    """
    date = _runtimes().get(runtime, {}).get(f"{operation}-block")
    return date is not None and datetime.date.fromisoformat(date) <= day
