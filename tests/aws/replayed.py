"""A deployment that is replayed from its AWS call log: the runner takes its steps, and AWS is the log."""

from __future__ import annotations

from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import AFTER_STACKS, State
from deployments.template_sets import template_files
from tests.aws.call_log_files import LogFile
from tests.aws.recorded_answers import RecordedAnswers
from tests.builders import make_account, make_deployment, make_environment
from tests.stepping import run


def replayed(log: LogFile, template_set: template_files.TemplateSet) -> Deployment:
    """Return the deployment of a creation's log at its end, or when CloudFormation has finished.

    What follows depends on what observers have read, which is in no log. `template_set` is any: what its
    stacks create is in the change sets of the log.
    """
    created = next(call["parameters"] for call in log.calls if call["operation"] == "CreateChangeSet")
    account = make_account(region=log.about["region"])
    environment = make_environment("replayed", account=account, stack_name=created["StackName"])
    deployment = make_deployment(
        environment,
        template_digest=template_set.digest,
        **_protection(log),
    )
    answers = RecordedAnswers(log.calls, log.about["region"])
    return run(deployment, answers, until=lambda row: not row.is_active or State(row.state) in AFTER_STACKS)


def _protection(log: LogFile) -> dict[str, str]:
    """Return whether the deployment was to switch on deletion protection, and by which parameter."""
    updates = [call["parameters"]["Parameters"] for call in log.calls if call["operation"] == "UpdateStack"]
    changed = [one["ParameterKey"] for given in updates for one in given if "ParameterValue" in one]
    if not any(call["operation"] == "UpdateTerminationProtection" for call in log.calls):
        return {}
    return {"protection": "wanted", "protection_parameter": next(iter(changed), "")}
