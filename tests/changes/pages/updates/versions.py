"""Newer versions of a template set, and the pages about them."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.test import Client
from django.urls import reverse

from deployments.environments.models.environments import Environment
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.versions import TemplateVersion
from tests.pages.pages import Element, page
from tests.template_versions import ROOT, make_version

LIST = reverse("environments")


NEWER = ROOT.replace("Count: {Type: Number, Default: 2}", "Color: {Type: String, Default: blue}").replace(
    "Topic: {Type: AWS::SNS::Topic}", "Topic: {Type: AWS::SNS::Topic}\n  Queue: {Type: AWS::SQS::Queue}"
)


PLAYBOOK = {"playbook/playbook.yml": "- hosts: all\n"}


def newer(source: TemplateSource, tmp_path: Path, *refs: str, **files: str) -> TemplateVersion:
    changed = {"root.yaml": NEWER, "playbook/playbook.yml": "- hosts: app\n"} | files
    return make_version(source, tmp_path / "shop", *(refs or ("v1.1",)), files=changed)


def update(browser: Client, environment: Environment, **query: Any) -> Element:
    return page(browser.get(reverse("environment_update", args=[environment.pk]), query)).one("main")


def tab(browser: Client, environment: Environment) -> Element:
    return page(browser.get(reverse("environment_configuration", args=[environment.pk]))).one("main")


def preview(browser: Client, environment: Environment, version: TemplateVersion) -> str:
    answer = browser.post(
        reverse("environment_update_preview", args=[environment.pk, version.pk]),
        {"reason": "new colors", "request_key": str(uuid.uuid4())},
    )
    return str(answer["Location"])
