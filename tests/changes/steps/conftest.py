"""Deployments that the steps carry out in an in-memory account."""

from tests.stepping import aws, deployment, nested_set, removal, template_set

__all__ = ["aws", "deployment", "nested_set", "removal", "template_set"]
