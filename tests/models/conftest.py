"""Deployments that the runner carries out in an account in memory: the models are tested on its rows."""

from tests.runner.conftest import aws, deployment, nested_set, removal, template_set

__all__ = ["aws", "deployment", "nested_set", "removal", "template_set"]
