"""The strict scope of account.yaml: the roles may not touch what belongs to no environment.

Whether they suffice is what the other steps find out.
"""

from __future__ import annotations

from deployments.common.errors import AwsNotFound
from deployments.environments.rules.account_template import STACK
from deployments.first_contact.rules.answers import Expect, Match
from deployments.first_contact.steps.contact import Contact

_ASSOCIATION = "11111111-2222-4333-8444-555555555555"
"""No association: a role with the strict scope does not learn that, since it has no tag of an environment."""


def take(contact: Contact) -> None:
    """Note the scope of the stack of account.yaml, and whether AWS denies what only it does not allow."""
    stack, error = contact.quietly(lambda aws: aws.cloudformation.describe_stack(STACK))
    if stack is not None:
        scope = stack.parameters.get("Scope", "")
        outcome = Match.EXPECTED if scope == "strict" else Match.DIFFERENT
        contact.note(f"parameter Scope of stack {STACK}", scope or "none", outcome)
    elif isinstance(error, AwsNotFound):
        contact.note(f"stack {STACK}", "does not exist: the roles were created in another way")
    else:
        contact.note(f"stack {STACK}", str(error), Match.NO_ANSWER)
    contact.check(
        "ssm.start_associations_once, an association without the tag of an environment",
        lambda aws: aws.ssm.start_associations_once([_ASSOCIATION]),
        Expect.DENIED,
    )
