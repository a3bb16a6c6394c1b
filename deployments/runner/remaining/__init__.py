"""The search for what a deployment leaves in AWS, and the deletion of what was found."""

from deployments.runner.remaining.delete import delete_found
from deployments.runner.remaining.request import request_search
from deployments.runner.remaining.search import abandon, search

__all__ = ["abandon", "delete_found", "request_search", "search"]
