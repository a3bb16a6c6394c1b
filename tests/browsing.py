"""Users, their browsers, and the template set of the form."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from tests.builders import make_operator, make_user

TEMPLATE = """
Description: A set with one parameter of every kind.
Metadata:
  AWS::CloudFormation::Interface:
    ParameterGroups:
      - {Label: {default: Servers}, Parameters: [Size, Count, Fast]}
      - {Label: {default: Database}, Parameters: [Database, Password, Token]}
    ParameterLabels:
      Size: {default: Size of a server}
Parameters:
  Size: {Type: String, Default: small, AllowedValues: [small, large], Description: How big a server is.}
  Count: {Type: Number, Default: 2, MinValue: 1, MaxValue: 8}
  Fast: {Type: String, Default: true, AllowedValues: [true, false]}
  Database: {Type: String, AllowedPattern: '[a-z]+', ConstraintDescription: Lower case letters only.}
  Password: {Type: String, NoEcho: true, MinLength: 8}
  Token: {Type: String, NoEcho: true, Default: none}
  Zones: {Type: CommaDelimitedList, Default: 'a,b'}
  Certificate: {Type: String, Default: ''}
Resources:
  Topic: {Type: AWS::SNS::Topic}
"""


@pytest.fixture
def operator(db: None) -> User:
    """A user who may deploy."""
    return make_operator("ana")


@pytest.fixture
def browser(operator: User, client: Client) -> Client:
    """The operator's browser, logged in."""
    client.force_login(operator)
    return client


@pytest.fixture
def viewer(db: None) -> Client:
    """The browser of a user without the permission to deploy."""
    client = Client()
    client.force_login(make_user("vic"))
    return client


@pytest.fixture
def template_set(tmp_path: Path, settings: Settings) -> Path:
    """A small template set, chosen in the settings."""
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "root.yaml").write_text(TEMPLATE)
    settings.SANSO_TEMPLATE_SET = folder
    return folder
