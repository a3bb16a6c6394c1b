"""Deployments that the runner carries out in an in-memory account; tests of the models use their rows."""

from tests.runner.conftest import aws, deployment, nested_set, removal, template_set

__all__ = ["aws", "deployment", "nested_set", "removal", "template_set"]
