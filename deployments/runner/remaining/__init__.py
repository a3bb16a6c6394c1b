"""The search for resources that a deployment leaves in AWS, and their deletion."""

from deployments.runner.remaining.delete import delete_found
from deployments.runner.remaining.request import request_search
from deployments.runner.remaining.search import abandon, search

__all__ = ["abandon", "delete_found", "request_search", "search"]
