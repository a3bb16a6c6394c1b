"""The versions of Aurora MySQL: what each can be upgraded to, and how long AWS supports the major ones.

The versions are those in cfn-lint's tables, the dates those of
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraMySQLReleaseNotes/AuroraMySQL.release-calendars.html and
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/extended-support-viewing-support-dates.html
(the beginning for 8.0 is the release of version 3.01.0). Those of 8.4 are not published there.
"""

import re
from collections.abc import Mapping
from typing import Final

from ministack.services import rds

from sanso_sandbox.engine import aws_tables, query
from sanso_sandbox.engine.registry import Action, Answer, Parameters
from sanso_sandbox.services.rds import pages

ENGINE: Final = "aurora-mysql"
FULL: Final = re.compile(r"\d+\.\d+\.mysql_aurora\.\d+\.\d+\.\d+")  # the tables also have 8.4 alone
_STANDARD, _EXTENDED = "open-source-rds-standard-support", "open-source-rds-extended-support"
SUPPORT: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "5.7": {
        _STANDARD: ("2018-02-06", "2024-10-31"),
        _EXTENDED: ("2024-11-01", "2027-02-28"),
    },
    "8.0": {
        _STANDARD: ("2021-11-18", "2028-04-30"),
        _EXTENDED: ("2028-05-01", "2029-07-31"),
    },
    "8.4": {},
}


def describe(parameters: Parameters, engine: Action) -> Answer:
    """Return the versions of Aurora MySQL with their upgrade targets; MiniStack returns those of others."""
    if query.value(parameters, "Engine") != ENGINE:
        return engine(parameters)
    page, marker = pages.page(parameters, named(parameters), str)
    members = "".join(f"<DBEngineVersion>{_version_xml(one)}</DBEngineVersion>" for one in page)
    return _answer("DescribeDBEngineVersions", f"<DBEngineVersions>{members}</DBEngineVersions>{marker}")


def describe_major(parameters: Parameters, _engine: Action | None = None) -> Answer:
    """Return the major versions of Aurora MySQL with the dates of their support; none of other engines."""
    name, wanted = (query.value(parameters, one) for one in ("Engine", "MajorEngineVersion"))
    found = [one for one in SUPPORT if name in ("", ENGINE) and wanted in ("", one)]
    page, marker = pages.page(parameters, found, str)
    members = "".join(f"<DBMajorEngineVersion>{_major_xml(one)}</DBMajorEngineVersion>" for one in page)
    return _answer(
        "DescribeDBMajorEngineVersions", f"<DBMajorEngineVersions>{members}</DBMajorEngineVersions>{marker}"
    )


def versions() -> list[str]:
    """Return the versions of Aurora MySQL, the oldest first."""
    offered = (one for one in aws_tables.engine_versions(ENGINE) if FULL.fullmatch(one))
    return sorted(offered, key=_order)


def named(parameters: Parameters) -> list[str]:
    """Return the versions that a request names: one, those of a major one, or without a name all."""
    wanted = query.value(parameters, "EngineVersion")
    return [one for one in versions() if not wanted or f"{one}.".startswith(f"{wanted}.")]


def targets(version: str) -> list[str]:
    """Return the versions that one can be upgraded to: later ones of it and of the next major version."""
    majors = list(SUPPORT)
    reach = majors[majors.index(_major(version)) :][:2]
    return [one for one in versions() if _order(one) > _order(version) and _major(one) in reach]


def _major(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _version_xml(version: str) -> str:
    major = _major(version)
    upgrades = "".join(
        f"<UpgradeTarget><Engine>{ENGINE}</Engine><EngineVersion>{one}</EngineVersion>"
        f"<Description>Aurora MySQL {one}</Description><AutoUpgrade>false</AutoUpgrade>"
        f"<IsMajorVersionUpgrade>{str(_major(one) != major).lower()}</IsMajorVersionUpgrade></UpgradeTarget>"
        for one in targets(version)
    )
    return (
        f"<Engine>{ENGINE}</Engine><MajorEngineVersion>{major}</MajorEngineVersion>"
        f"<EngineVersion>{version}</EngineVersion>"
        f"<DBParameterGroupFamily>{ENGINE}{major}</DBParameterGroupFamily>"
        "<DBEngineDescription>Aurora MySQL</DBEngineDescription>"
        f"<DBEngineVersionDescription>Aurora MySQL {version}</DBEngineVersionDescription>"
        f"<ValidUpgradeTarget>{upgrades}</ValidUpgradeTarget><Status>available</Status>"
    )


def _major_xml(major: str) -> str:
    lifecycles = "".join(
        f"<SupportedEngineLifecycle><LifecycleSupportName>{name}</LifecycleSupportName>"
        f"<LifecycleSupportStartDate>{first}T00:00:00Z</LifecycleSupportStartDate>"
        f"<LifecycleSupportEndDate>{last}T23:59:59.999Z</LifecycleSupportEndDate></SupportedEngineLifecycle>"
        for name, (first, last) in SUPPORT[major].items()
    )
    listed = f"<SupportedEngineLifecycles>{lifecycles}</SupportedEngineLifecycles>" if lifecycles else ""
    return f"<Engine>{ENGINE}</Engine><MajorEngineVersion>{major}</MajorEngineVersion>{listed}"


def _answer(action: str, content: str) -> Answer:
    answer: Answer = rds._xml(200, f"{action}Response", f"<{action}Result>{content}</{action}Result>")
    return answer
