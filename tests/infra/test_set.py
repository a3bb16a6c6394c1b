"""The nine templates are consistent: parameters, outputs, artifacts."""

from __future__ import annotations

import re

import pytest

from deployments.template_sets.template_files import template_set, yaml_files
from tests.infra.resolved_templates import TEMPLATES, nested
from tests.infra.template_files import NAMES, get_atts, of_type, properties, read, resources, strings

FILES = {"root.yaml", *(f"{name}.yaml" for name in NAMES)}


def test_an_environment_is_nine_stacks_and_one_by_choice() -> None:
    assert set(nested().values()) | {"root.yaml"} == FILES
    assert len(nested()) == 9
    assert {
        name for name, stack in resources("root").items() if name in nested() and "Condition" in stack
    } == {"Alarms"}
    assert {name for name, _ in of_type("AWS::CloudFormation::Stack")} == {"root"}


def test_the_portal_reads_the_set_and_hides_the_parameters_that_it_sets() -> None:
    found = template_set.load(TEMPLATES)

    assert {path.name for path in found.templates} == FILES
    assert {artifact.key for artifact in found.artifacts} == {
        "playbook.zip",
        "functions/initialize_database.zip",
        "functions/admit_nlb_addresses.zip",
    }
    assert not {"ArtifactBucket", "ArtifactPrefix"} & set(found.parameters)


def test_new_environments_speak_http_and_what_is_chosen_once_says_so() -> None:
    found = template_set.load(TEMPLATES)
    parameters = found.parameters

    protocol = parameters["AppProtocol"]
    assert (protocol.default, protocol.initial) == ("uwsgi", "http")
    check = parameters["AppHealthCheck"]
    assert (check.default, check.initial) == ("tcp", "http")
    assert found.choose_once == {
        *("AppProtocol", "AppServersAdmit", "UwsgiPort"),
        *("DatabaseName", "DatabaseAdminUser", "DatabaseSnapshot", "FinalSnapshot"),
        *("DatabaseRestoreCluster", "DatabaseRestoreTime"),
        *("FirstZone", "SecondZone", "VpcCidr"),
        *found.second.names,
    }
    for name in found.choose_once - {*found.second.names}:
        assert "Choose once: changing it later " in parameters[name].description, name


def test_only_sanso_sets_the_parameters_of_the_second_database() -> None:
    found = template_set.load(TEMPLATES)

    assert len(found.second.names) == 7
    assert {name for name, one in found.parameters.items() if one.is_internal} == {*found.second.names}
    for name in found.second.names:
        assert found.parameters[name].description.endswith("Sanso sets it."), name


def test_every_artifact_that_a_template_uses_is_in_the_manifest() -> None:
    keys = {artifact.key for artifact in template_set.load(TEMPLATES).artifacts}
    requested = {
        found[1]
        for name in NAMES
        for _, text in strings(resources(name))
        if (found := re.search(r"\$\{ArtifactPrefix\}/([\w/.-]+\.zip)", text))
    }

    assert requested == keys


def fed_by_outputs(name: str) -> set[str]:
    """Return the parameters of a template that the root fills from the outputs of other stacks."""
    properties = [
        definition["Properties"]
        for definition in read("root")["Resources"].values()
        if f"/{name}.yaml" in str(definition["Properties"].get("TemplateURL"))
    ]
    return {
        parameter
        for one in properties
        for parameter, value in one["Parameters"].items()
        if any(attribute.startswith("Outputs.") for _name, attribute in get_atts(value))
    }


@pytest.mark.parametrize("name", ["root", *NAMES])
def test_every_parameter_has_a_description_a_group_and_a_constraint(name: str) -> None:
    template = read(name)
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [parameter for group in interface["ParameterGroups"] for parameter in group["Parameters"]]

    assert sorted(grouped) == sorted(template["Parameters"])
    assert set(interface["ParameterLabels"]) == set(template["Parameters"])
    for parameter, spec in template["Parameters"].items():
        assert spec["Description"].endswith("."), parameter
        if parameter in fed_by_outputs(name):
            # CloudFormation may check a placeholder instead: sandbox_tests/strict/test_nested_change_sets.py
            assert spec["Type"] in ("String", "CommaDelimitedList"), parameter
            assert not {"AllowedPattern", "AllowedValues", "MinLength"} & set(spec), parameter
        elif "AllowedPattern" in spec or "MinValue" in spec:
            assert spec["ConstraintDescription"].startswith("must be "), parameter
        elif spec["Type"] in ("String", "Number"):
            assert spec["AllowedValues"], parameter


@pytest.mark.parametrize("name", ["root", *NAMES])
def test_every_default_is_allowed_by_its_own_parameter(name: str) -> None:
    for parameter, spec in read(name)["Parameters"].items():
        if "Default" not in spec:
            continue
        if "AllowedPattern" in spec:
            assert re.fullmatch(spec["AllowedPattern"], str(spec["Default"])), parameter
        if "MinValue" in spec:
            assert spec["MinValue"] <= spec["Default"] <= spec["MaxValue"], parameter
        if "AllowedValues" in spec:
            assert spec["Default"] in spec["AllowedValues"], parameter


def test_the_root_and_its_nested_stacks_agree_on_what_a_parameter_may_be() -> None:
    """A nested stack must not reject a value that the form accepts."""
    declared = read("root")["Parameters"]
    limits = ("Type", "AllowedPattern", "AllowedValues", "MinValue", "MaxValue")
    for stack, file_name in nested().items():
        nested_parameters = yaml_files.read(TEMPLATES / file_name)["Parameters"]
        for name, given in properties("root", stack)["Parameters"].items():
            if isinstance(given, dict) and given.get("Ref") in declared:
                of_root = {limit: declared[given["Ref"]].get(limit) for limit in limits}
                assert of_root == {limit: nested_parameters[name].get(limit) for limit in limits}, (
                    f"{file_name}: {name}"
                )


def test_every_parameter_of_a_nested_stack_is_passed() -> None:
    for stack, file_name in nested().items():
        handed = set(properties("root", stack)["Parameters"])
        declared = yaml_files.read(TEMPLATES / file_name)["Parameters"]
        assert handed == set(declared), file_name  # what is not passed would silently have its default


def test_every_output_that_the_root_uses_exists_and_every_one_that_exists_is_described() -> None:
    declared = {
        stack: yaml_files.read(TEMPLATES / file_name).get("Outputs", {})
        for stack, file_name in nested().items()
    }
    used = {
        (stack, attribute.removeprefix("Outputs."))
        for stack, attribute in get_atts(read("root"))
        if stack in declared
    }

    assert len(used) > 30
    assert {output for stack, output in used if output not in declared[stack]} == set()
    for outputs in (*declared.values(), read("root")["Outputs"]):
        assert all(output["Description"].endswith(".") for output in outputs.values())


def test_the_root_stack_has_an_output_for_everything_that_is_needed() -> None:
    assert set(read("root")["Outputs"]) == {
        "SiteUrl",
        "AlbDnsName",
        "NlbDnsName",
        "WriterEndpoint",
        "ReaderEndpoint",
        "DatabaseClusterId",
        "DatabaseUserSecretName",
        "WebTargetGroupArn",
        "AppTargetGroupArn",
        "WebAutoScalingGroupName",
        "AppAutoScalingGroupName",
        "WebAssociationId",
        "AppAssociationId",
        "WebLogLocation",
        "AppLogLocation",
        "DatabaseFunctionLogGroup",
    }


def test_every_log_group_is_deleted_with_its_stack() -> None:
    for name, logical_id in of_type("AWS::Logs::LogGroup"):
        assert resources(name)[logical_id]["DeletionPolicy"] == "Delete"
    for name, logical_id in of_type("AWS::Lambda::Function"):
        group = properties(name, logical_id)["LoggingConfig"]["LogGroup"]["Ref"]
        assert (name, group) in of_type("AWS::Logs::LogGroup")
    # a role that may create log groups would recreate a deleted one
    assert not [
        name for name in NAMES for _, text in strings(resources(name)) if text == "logs:CreateLogGroup"
    ]
