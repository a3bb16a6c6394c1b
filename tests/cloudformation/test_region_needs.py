"""What a template set needs a region to offer."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation.nested_templates import TemplateSide
from deployments.cloudformation.region_needs import DatabaseNeed, RegionNeeds, region_needs
from deployments.template_sets import template_files

VERSION = "8.0.mysql_aurora.3.10.6"


def needs(resources: dict[str, Any], **parameters: Any) -> RegionNeeds:
    template = {"Parameters": {name: {"Default": value} for name, value in parameters.items()}}
    return region_needs(
        TemplateSide(templates={"root.yaml": {**template, "Resources": resources}}, root="root.yaml")
    )


def test_the_bundled_set_needs_its_types_and_classes_in_the_zones_of_its_subnets() -> None:
    found = template_files.load(settings.SANSO_TEMPLATE_SET)
    values = {**found.defaults, "WebInstanceType": "m7g.large", "SecondZone": "2"}

    assert region_needs(found.side(values)) == RegionNeeds(
        instance_types=("m7g.large", "t4g.micro"),
        databases=(DatabaseNeed(engine="aurora-mysql", version=VERSION, instance_class="db.t4g.medium"),),
        zones=(0, 2),
    )


def test_a_condition_that_does_not_hold_leaves_a_resource_out() -> None:
    server = {"Type": "AWS::EC2::Instance", "Properties": {"InstanceType": {"Ref": "Kind"}}}
    small = {**server, "Condition": "Never"}
    template = {
        "Parameters": {"Kind": {"Default": "t4g.nano"}},
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"Server": server, "Small": small},
    }
    without = {**template, "Resources": {"Small": small}}

    for one, types in ((template, ("t4g.nano",)), (without, ())):
        side = TemplateSide(templates={"root.yaml": one}, root="root.yaml")
        assert region_needs(side).instance_types == types


def test_a_database_outside_of_a_cluster_has_its_own_version() -> None:
    database = {"Engine": "mysql", "EngineVersion": "8.0.40", "DBInstanceClass": "db.t4g.micro"}

    found = needs({"Database": {"Type": "AWS::RDS::DBInstance", "Properties": database}})

    assert found.databases == (DatabaseNeed(engine="mysql", version="8.0.40", instance_class="db.t4g.micro"),)


def test_zones_that_a_region_does_not_have_or_that_are_unknown_stand_for_all() -> None:
    names = ("a", "b", "c")

    assert RegionNeeds(zones=(0, 2)).zones_in(names) == ("a", "c")
    assert RegionNeeds(zones=(7,)).zones_in(names) == names
    assert RegionNeeds().zones_in(names) == names


functions = st.sampled_from(["Fn::Select", "Fn::GetAZs", "Ref", "InstanceType"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["9" * 5000, "²"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(functions, inner, max_size=2),
    max_leaves=8,
)
TYPES = ["AWS::EC2::Subnet", "AWS::EC2::Instance", "AWS::EC2::LaunchTemplate", "AWS::RDS::DBInstance"]


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "Type": st.sampled_from(TYPES),
                "Properties": anything
                | st.fixed_dictionaries(
                    {"AvailabilityZone": anything, "InstanceType": anything, "LaunchTemplateData": anything}
                ),
            }
        ),
        max_size=4,
    )
)
def test_any_template_has_needs(resources: list[dict[str, Any]]) -> None:
    found = needs({str(number): body for number, body in enumerate(resources)})

    assert all(0 <= zone < 1000 for zone in found.zones)
