"""Roles without the permissions boundary of the account, found in the templates themselves."""

from __future__ import annotations

from typing import Any

from deployments.cloudformation.nested_templates import TemplateSide
from deployments.template_sets import template_files
from deployments.template_sets.rules.role_policies import ROLE, roles_without_boundary
from tests.services import REPOSITORY

BOUNDARY = "arn:aws:iam::123456789012:policy/sanso-boundary"
IF_SET = {"Fn::If": ["HasBoundary", {"Ref": "Boundary"}, {"Ref": "AWS::NoValue"}]}


def role(boundary: Any = None, **properties: Any) -> dict[str, Any]:
    own = {"PermissionsBoundary": boundary} if boundary is not None else {}
    return {"Type": ROLE, "Properties": {"AssumeRolePolicyDocument": {}, **own, **properties}}


def side(resources: dict[str, Any], nested: dict[str, Any] | None = None, boundary: str = "") -> TemplateSide:
    """Return a set whose root passes the boundary to one nested stack."""
    url = "https://bucket.s3.amazonaws.com/prefix/nested.yaml"
    passed = {"TemplateURL": url, "Parameters": {"Boundary": {"Ref": "Boundary"}}}
    own = {
        "Parameters": {"Boundary": {"Type": "String", "Default": ""}},
        "Conditions": {"HasBoundary": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Boundary"}, ""]}]}},
    }
    stack = {"Iam": {"Type": "AWS::CloudFormation::Stack", "Properties": passed}} if nested else {}
    templates = {
        "root.yaml": {**own, "Resources": {**resources, **stack}},
        "nested.yaml": {**own, "Resources": nested or {}},
    }
    return TemplateSide(templates=templates, root="root.yaml", values={"Boundary": boundary})


def test_a_role_without_the_property_has_no_boundary() -> None:
    found = side({"Own": role(), "Topic": {"Type": "AWS::SNS::Topic"}}, {"Server": role()}, BOUNDARY)

    assert roles_without_boundary(found, BOUNDARY) == ["Own", "Iam/Server"]


def test_a_boundary_counts_if_the_value_reaches_the_role() -> None:
    nested = {"Chosen": role(IF_SET), "Direct": role({"Ref": "Boundary"})}

    assert roles_without_boundary(side({}, nested, BOUNDARY), BOUNDARY) == []
    assert roles_without_boundary(side({}, nested), BOUNDARY) == ["Iam/Chosen", "Iam/Direct"]


def test_another_boundary_is_none_and_an_unknown_one_counts() -> None:
    others = {
        "Other": role("arn:aws:iam::123456789012:policy/other"),
        "Own": role({"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:policy/sanso-boundary"}),
        "Imported": role({"Fn::ImportValue": "boundary"}),
        "Odd": role({"Fn::If": "nothing"}),
    }

    assert roles_without_boundary(side(others), BOUNDARY) == ["Other"]


def test_a_role_that_is_not_created_needs_none() -> None:
    assert roles_without_boundary(side({"Own": role() | {"Condition": "HasBoundary"}}), BOUNDARY) == []


def test_a_change_names_roles_that_are_new_or_widened() -> None:
    policy = {"Type": "AWS::IAM::Policy", "Properties": {"Roles": [{"Ref": "Widened"}]}}
    before = {"Same": role(), "Changed": role(), "Widened": role()}
    after = before | {"Changed": role(Path="/x/"), "New": role(), "More": policy}

    assert roles_without_boundary(side(after), BOUNDARY, side(before)) == ["Changed", "Widened", "New"]
    assert roles_without_boundary(side(before), BOUNDARY, side(after)) == ["Changed", "Widened"]


def test_the_bundled_set_has_it_everywhere_and_the_articles_set_nowhere() -> None:
    bundled = template_files.load(REPOSITORY / "infra_templates")
    article = template_files.load(REPOSITORY / "tests" / "sandbox" / "article_set")

    def found(one: template_files.TemplateSet, boundary: str) -> list[str]:
        values = {**one.defaults, one.boundary_parameter: boundary}
        whole = TemplateSide(templates=one.contents, root=one.root.name, values=values)
        return roles_without_boundary(whole, BOUNDARY)

    assert found(bundled, BOUNDARY) == []
    assert len(found(bundled, "")) > 2
    assert len(found(article, BOUNDARY)) > 0
