"""Template sets from outside: Git repositories, archives and folders, read in a process of their own."""

from deployments.sources.process import fetch
from deployments.sources.spec import Fetched, FetchedVersion, FetchLimits, FetchSpec
from deployments.sources.urls import check_url

__all__ = ["FetchLimits", "FetchSpec", "Fetched", "FetchedVersion", "check_url", "fetch"]
