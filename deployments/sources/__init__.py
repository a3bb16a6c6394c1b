"""Template sets from outside: Git repositories, archives and folders, read in a process of their own."""

from deployments.sources.host_keys import pinned as check_host_keys
from deployments.sources.process import fetch
from deployments.sources.spec import Fetched, FetchedVersion, FetchLimits, FetchSpec
from deployments.sources.urls import check_url

__all__ = ["FetchLimits", "FetchSpec", "Fetched", "FetchedVersion", "check_host_keys", "check_url", "fetch"]
