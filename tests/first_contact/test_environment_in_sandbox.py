"""A whole environment of the bundled set in the sandbox, by workers, of which one is killed."""

from __future__ import annotations

import pytest

from deployments.environments.models.environments import Environment
from deployments.first_contact.commands import request_run
from deployments.first_contact.display import report
from deployments.first_contact.models import FINISHED, ContactRun
from tests.builders import make_user
from tests.first_contact.remaining import assert_nothing_is_left
from tests.permissions import granted_actions
from tests.permissions.conftest import portal, records
from tests.running import Portal, client, create_roles, new_account
from tests.services import LIMIT, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(1200)]
__all__ = ["portal", "records"]


def test_it_is_created_changed_released_to_replaced_and_deleted_with_the_strict_roles(portal: Portal) -> None:
    account = new_account()
    create_roles(account, portal.sandbox)
    iam = client(account, "iam", portal.sandbox)
    granted_actions.put(iam, account.sandbox_account_id, Scope="strict")
    run = request_run(
        user=make_user("ana", is_superuser=True), account=account, steps=["strict", "environment"]
    )
    rows = ContactRun.objects.filter(pk=run.pk)
    environments = Environment.objects.filter(contact_tag=run.tag)
    wait_until(
        lambda: environments.filter(stack_status="CREATE_COMPLETE").exists(),
        what="the environment",
        seconds=4 * LIMIT,
    )
    portal.worker.kill()
    portal.start()

    wait_until(lambda: rows.get().state == FINISHED, what="the end of the run", seconds=12 * LIMIT)

    done = rows.get()
    text = "\n".join(report.as_text(done))
    assert report.is_fine(done), text
    answers = {one["question"]: one["text"] for one in done.steps.get(name="environment").answers}
    for what in ("creation", "change", "release", "replacement", "deletion"):
        assert "succeeded" in answers[what], text
    assert "configuration" in answers["creation"]
    assert "servers" in answers["release"]
    assert " replaced by i-" in answers["replaced servers"]
    assert environments.get().deleted_at is not None
    assert_nothing_is_left(account, portal.sandbox)
    found = client(account, "resourcegroupstaggingapi", portal.sandbox).get_resources(
        TagFilters=[{"Key": "sanso:first-contact", "Values": [run.tag]}]
    )
    assert found["ResourceTagMappingList"] == []
