"""The rows: accounts, environments, deployments, their stacks, resources and events."""

from deployments.models.account import Account
from deployments.models.deployment import Deployment
from deployments.models.environment import Environment
from deployments.models.event import Event
from deployments.models.stack import Resource, Stack
from deployments.models.template_check import TemplateCheck

__all__ = ["Account", "Deployment", "Environment", "Event", "Resource", "Stack", "TemplateCheck"]
