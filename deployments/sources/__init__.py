"""Template sets from outside: Git repositories, archives and folders, read in a process of their own."""

from deployments.sources.process import fetch
from deployments.sources.spec import Fetched, FetchedVersion, FetchSpec, Limits
from deployments.sources.urls import check_url

__all__ = ["FetchSpec", "Fetched", "FetchedVersion", "Limits", "check_url", "fetch"]
