"""What people are told of a source that does not answer."""

from __future__ import annotations

from deployments.errors import N_, AwsAccessError, AwsFailure, AwsRetryable, Sentence


def problem_text(problem: AwsFailure) -> Sentence:
    """Return what kept a source from answering; `action` among its values is the one to allow."""
    values = {"action": problem.operation, "code": problem.code, "aws": problem.message}
    if isinstance(problem, AwsRetryable):
        return Sentence(
            N_("AWS does not answer %(action)s (%(code)s). Sanso asks again, slower each time."), values
        )
    if isinstance(problem, AwsAccessError):
        return Sentence(N_("AWS denies %(action)s (%(code)s)."), values)
    return Sentence(N_("%(action)s: %(aws)s (%(code)s)"), values)
