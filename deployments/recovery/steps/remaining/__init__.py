"""The search for resources that a deployment leaves in AWS, and their deletion."""

from deployments.recovery.steps.remaining.search import abandon, delete_found, search
from deployments.stacks.shared.finalize import request_search

__all__ = ["abandon", "delete_found", "request_search", "search"]
