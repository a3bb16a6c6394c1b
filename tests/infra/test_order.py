"""Protection of the database; dependencies: slow resources in parallel, the table last."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.infra.template_files import as_list, get_atts, of_type, properties, read, resources, strings

INSTANCES = {f"DatabaseInstance{letter}" for letter in "ABCD"}


@pytest.mark.parametrize(("slot", "suffix"), [("A", ""), ("B", "B")])
def test_the_two_clusters_of_a_database_differ_in_their_deletion_policy_only(slot: str, suffix: str) -> None:
    kept, trial = (resources("aurora")[name + suffix] for name in ("DbCluster", "TrialDbCluster"))
    own = ("Condition", "DeletionPolicy", "UpdateReplacePolicy")

    assert {k: v for k, v in kept.items() if k not in own} == {k: v for k, v in trial.items() if k not in own}
    assert [kept[k] for k in own] == [f"IsKept{slot}", "Snapshot", "Snapshot"]
    assert [trial[k] for k in own] == [f"IsTrial{slot}", "Delete", "Delete"]


def test_the_database_is_protected_by_default() -> None:
    parameters = read("root")["Parameters"]
    cluster = properties("aurora", "DbCluster")

    assert parameters["DeletionProtection"]["Default"] == parameters["FinalSnapshot"]["Default"] == "true"
    assert cluster["DeletionProtection"] == {
        "Fn::If": ["IsUnprotectedA", False, {"Ref": "DeletionProtection"}]
    }
    assert parameters["UnprotectedDatabase"]["Default"] == "none"
    assert cluster["ManageMasterUserPassword"] is True
    assert cluster["StorageEncrypted"] == {"Fn::If": ["IsRestored", {"Ref": "AWS::NoValue"}, True]}
    assert "MasterUserPassword" not in cluster


@pytest.mark.parametrize("slot", ["A", "B"])
def test_the_two_instances_of_a_database_are_in_different_zones(slot: str) -> None:
    instances = [
        properties(*one)
        for one in of_type("AWS::RDS::DBInstance")
        if resources(one[0])[one[1]]["Condition"] == f"HasDatabase{slot}"
    ]

    assert len(instances) == 2
    assert len({str(instance["AvailabilityZone"]) for instance in instances}) == 2
    assert len({str(instance["DBClusterIdentifier"]) for instance in instances}) == 1


def waits_for(logical_id: str, template: str = "root") -> set[str]:
    """Return the resources of a template that a resource depends on, directly or indirectly."""
    found: set[str] = set()
    left = [logical_id]
    while left:
        new = _needed(resources(template)[left.pop()], template) - found
        found |= new
        left += new
    return found


def _needed(resource: dict[str, Any], template: str) -> set[str]:
    needed = set(as_list(resource.get("DependsOn", [])))
    needed |= {logical_id for logical_id, _ in get_atts(resource)}
    needed |= {text for path, text in strings(resource) if path.endswith("/Ref")}
    subs = [text for path, text in strings(resource) if path.endswith("/Fn::Sub")]
    needed |= {name for text in subs for name in re.findall(r"\$\{(\w+)[.}]", text)}
    return needed & set(resources(template))


def test_servers_are_configured_while_the_database_is_still_being_created() -> None:
    assert not INSTANCES & waits_for("Configuration")


@pytest.mark.parametrize("stack", ["WebServers", "AppServers"])
def test_servers_launch_with_internet_access_and_associations_and_do_not_wait_for_database_instances(
    stack: str,
) -> None:
    assert {"DefaultRouteA", "DefaultRouteB", "Configuration"} <= waits_for(stack)
    assert not {"Alb", *INSTANCES} & waits_for(stack)


@pytest.mark.parametrize("logical_id", ["Alb", "Nlb", "Aurora", *sorted(INSTANCES)])
def test_load_balancers_and_database_wait_for_nothing_slow(logical_id: str) -> None:
    assert waits_for(logical_id) <= {"Network", "Aurora"}


def test_nothing_that_a_signal_needs_waits_for_the_servers() -> None:
    """Servers signal when their association has configured them and /healthz responds."""
    for logical_id in ("Configuration", "Network", "Iam", "NatGatewayA", "Nlb", "Aurora"):
        assert not {"WebServers", "AppServers"} & waits_for(logical_id)


def test_the_deletion_of_the_database_does_not_wait_for_its_function() -> None:
    """Lambda takes 25 minutes or more to remove the interfaces of a function in a VPC."""
    for name in ("InitialiseDatabaseFunction", "InitialiseDatabaseRole"):
        clusters = {"DbCluster", "TrialDbCluster", "DbClusterB", "TrialDbClusterB"}
        assert not clusters & waits_for(name, "aurora")


def test_the_table_is_created_last() -> None:
    assert {"DatabaseInstanceA", "DefaultRouteA", "DefaultRouteB"} <= waits_for("DatabaseInitialisation")
    assert {"DatabaseInstanceC", "DefaultRouteA", "DefaultRouteB"} <= waits_for("DatabaseInitialisationB")
