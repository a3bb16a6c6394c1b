"""Template sets from outside: Git repositories, archives and folders, read in a process of their own."""

from deployments.template_sets.sources.host_keys import parse_host_keys
from deployments.template_sets.sources.process import fetch
from deployments.template_sets.sources.spec import Fetched, FetchedVersion, FetchLimits, FetchSpec
from deployments.template_sets.sources.urls import check_url

__all__ = ["FetchLimits", "FetchSpec", "Fetched", "FetchedVersion", "check_url", "fetch", "parse_host_keys"]
