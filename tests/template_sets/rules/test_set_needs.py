"""What CloudFormation's role needs for a template set beyond account.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from deployments.cloudformation.nested_templates import TemplateSide
from deployments.template_sets import template_files
from deployments.template_sets.rules import set_needs
from deployments.template_sets.rules.role_policies import PolicyRole, Statement
from deployments.template_sets.rules.set_needs import MANAGED, MOST, SetNeeds
from deployments.template_sets.template_files.service_role import needs_beyond
from tests.services import REPOSITORY

ARTICLE = REPOSITORY / "tests" / "sandbox" / "article_set"


def of(resources: dict[str, Any], *granted: Statement) -> SetNeeds:
    """Return what a template needs beyond a role with these statements."""
    side = TemplateSide(templates={"root.yaml": {"Resources": resources}}, root="root.yaml")
    return set_needs.beyond(side, PolicyRole("role", {}, {}, granted))


def resources_of(needs: SetNeeds, action: str) -> set[str]:
    return {arn for one in needs.statements if action in one.actions for arn in one.resources}


def conditions_of(needs: SetNeeds, action: str) -> list[Any]:
    return [json.loads(one.condition) for one in needs.statements if action in one.actions]


def test_the_bundled_set_needs_nothing_more() -> None:
    found = needs_beyond(template_files.load(REPOSITORY / "infra_templates"), {})

    assert (found.statements, found.schemaless, found.is_complete) == ((), (), True)
    assert found.policies() == []


def with_prefix(folder: Path, prefix: str) -> template_files.TemplateSet:
    """Return the article's set with another prefix, which its file names have as well."""
    for file in ARTICLE.glob("*.yaml"):
        text = file.read_text().replace("fa-094", prefix)
        (folder / file.name.replace("fa-094", prefix)).write_text(text)
    return template_files.load(folder)


def test_names_of_the_templates_are_needed_and_generated_ones_are_those_of_stacks(tmp_path: Path) -> None:
    own = needs_beyond(template_files.load(ARTICLE), {})
    sanso = needs_beyond(with_prefix(tmp_path, "sanso-one"), {})

    assert resources_of(own, "lambda:PublishLayerVersion") == {"arn:aws:lambda:*:*:layer:fa-094-Layer"}
    assert resources_of(own, "ssm:PutParameter") == {
        "arn:aws:ssm:*:*:parameter/fa-094-Requirements",
        "arn:aws:ssm:*:*:parameter/fa-094-SQLParameter",
    }
    assert resources_of(own, "iam:CreateRole") == {"arn:aws:iam::*:role/fa-094-InstanceRole"}
    assert {action for one in sanso.statements for action in one.actions} == {
        "lambda:DeleteLayerVersion",
        "lambda:ListLayerVersions",
        "lambda:PublishLayerVersion",
    }


def test_a_role_is_created_under_the_conditions_of_account_yaml() -> None:
    article = template_files.load(ARTICLE)

    demanded = needs_beyond(article, {}, account="123456789012")
    not_demanded = needs_beyond(article, {}, needs_boundary=False)

    boundary = {"iam:PermissionsBoundary": "arn:aws:iam::123456789012:policy/sanso-boundary"}
    assert conditions_of(demanded, "iam:CreateRole") == [{"StringEquals": boundary}]
    assert conditions_of(needs_beyond(article, {}), "iam:CreateRole") == [
        {"StringLike": {"iam:PermissionsBoundary": "arn:aws:iam::*:policy/sanso-boundary"}}
    ]
    assert conditions_of(not_demanded, "iam:CreateRole") == [{}]
    assert "ec2.amazonaws.com" in str(conditions_of(demanded, "iam:PassRole"))


def test_a_write_that_a_property_triggers_is_needed_with_the_property_only() -> None:
    plain = of({"Topic": {"Type": "AWS::SNS::Topic"}})
    logged = of(
        {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DeliveryStatusLogging": [{"Protocol": "sqs"}]}}}
    )

    assert resources_of(plain, "sns:CreateTopic") == {"arn:aws:sns:*:*:sanso-*"}
    assert resources_of(plain, "iam:PassRole") == set()
    assert resources_of(logged, "iam:PassRole") == {"arn:aws:iam::*:role/sanso-*"}


def test_types_without_a_schema_are_named() -> None:
    found = of({"One": {"Type": "AWS::Nothing::Known"}, "Two": {"Type": "Custom::Thing"}})

    assert found.schemaless == ("AWS::Nothing::Known",)


def test_each_document_is_small_enough_for_a_managed_policy() -> None:
    many = {
        f"Topic{number}": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": f"a-long-name-{number}"}}
        for number in range(100)
    }
    statements = tuple(
        Statement("Allow", (f"sns:Action{number}",), tuple(f"arn:{one}" for one in many), ())
        for number in range(20)
    )

    documents = SetNeeds(statements=statements).policies()

    assert len(documents) > 1
    assert all(len(json.dumps(json.loads(one), separators=(",", ":"))) <= MANAGED for one in documents)
    actions = [one["Action"] for text in documents for one in json.loads(text)["Statement"]]
    assert actions == [list(one.actions) for one in statements]


def test_a_set_with_very_many_names_is_read_up_to_a_limit() -> None:
    many = {
        f"Topic{number}": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": f"t{number}"}}
        for number in range(MOST + 10)
    }

    assert not of(many).is_complete


def test_the_command_writes_the_policy(tmp_path: Path, capsys: Any) -> None:
    with_prefix(tmp_path, "shop")
    call_command("role_policy", str(tmp_path), "--account", "123456789012")

    written = json.loads(capsys.readouterr().out)
    assert "arn:aws:lambda:*:123456789012:layer:shop-Layer" in str(written)
    call_command("role_policy", str(REPOSITORY / "infra_templates"))
    assert "needs nothing more" in capsys.readouterr().err
    with pytest.raises(CommandError, match=r"the set lacks other-"):
        call_command("role_policy", str(tmp_path), "--parameter", "Prefix=other")
    with pytest.raises(CommandError, match="no parameter Nothing"):
        call_command("role_policy", str(tmp_path), "--parameter", "Nothing=1")
