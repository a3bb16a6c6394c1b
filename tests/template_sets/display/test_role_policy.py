"""What CloudFormation's role needs for a set beyond account.yaml, on pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.builders import make_account
from tests.pages.pages import page
from tests.template_versions import make_source, make_version

pytestmark = pytest.mark.django_db

TEMPLATE = """
Parameters:
  Names: {Type: String, Default: shop, AllowedValues: [shop, sanso-shop]}
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Parameter:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub "${Names}-greeting", Type: String, Value: Hello}
"""
ROLE = """
  Server:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}}
"""


def test_the_page_of_a_version_shows_the_policy(browser: Client, tmp_path: Path) -> None:
    version = make_version(make_source(), tmp_path / "shop", files={"root.yaml": TEMPLATE + ROLE})

    shown = page(browser.get(version.get_absolute_url())).one(id="permissions").text

    assert "sanso-cloudformation needs" in shown
    assert '"sns:CreateTopic"' in shown
    assert "arn:aws:ssm:*:*:parameter/shop-greeting" in shown
    assert "Roles without the permissions boundary: Server." in shown


def test_a_version_that_needs_nothing_more_says_so(browser: Client, tmp_path: Path) -> None:
    vpc = "Resources: {Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}}"
    version = make_version(make_source(), tmp_path / "shop", files={"root.yaml": vpc})

    shown = page(browser.get(version.get_absolute_url())).one(id="permissions").text

    assert "account.yaml grants the role sanso-cloudformation what this version needs." in shown


def test_the_form_shows_the_policy_for_its_values(browser: Client, tmp_path: Path, settings: Any) -> None:
    account = make_account("production")
    (tmp_path / "root.yaml").write_text(TEMPLATE)
    settings.SANSO_TEMPLATE_SET = tmp_path

    form = page(browser.get(reverse("environment_new"))).one(id="role-policy").text
    chosen = {"account": str(account.pk), "parameter_Names": "sanso-shop"}
    swapped = browser.get(reverse("environment_expected"), chosen).content.decode()

    assert "parameter/shop-greeting" in form
    assert "sns:CreateTopic" in swapped
    assert "shop-greeting" not in swapped
