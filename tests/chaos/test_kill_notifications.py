"""`kill -9` of the worker after it has stored a notification, and while it sends one, by webhook and mail.

The next worker sends a stored notification, once. A receiver that got the message before the worker died gets
it again with the same id, and can recognize it by that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from deployments.common.models.encryption import encrypt_values
from deployments.environments.models.deployments import Deployment
from deployments.failures.shared import notices
from deployments.notifications.models import Delivery
from deployments.notifications.rules.standard_webhooks import new_secret
from tests.builders import make_deployment
from tests.chaos.conftest import LEASE
from tests.mailbox import Mailbox, mailbox
from tests.notification_builders import make_target
from tests.receiver import Receiver, receiving
from tests.running import Portal
from tests.services import Redis, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with receiving() as found:
        yield found


@pytest.fixture
def box() -> Iterator[Mailbox]:
    """A mail server."""
    with mailbox() as found:
        yield found


@pytest.fixture
def workers(
    process_environment: dict[str, str], redis_server: Redis, tmp_path: Path, box: Mailbox
) -> Iterator[Portal]:
    """A worker and a dispatcher that are allowed to send to loopback."""
    environment = process_environment | {
        "SANSO_TICK_LEASE": str(LEASE),
        "SANSO_DISPATCH_INTERVAL": "0.3",
        "SANSO_DATA_DIR": str(tmp_path / "data"),
        "SANSO_NOTIFY_ADDRESSES": "127.0.0.0/8",
        "EMAIL_URL": f"smtp://127.0.0.1:{box.port}",
    }
    running = Portal(environment, tmp_path, None)  # type: ignore[arg-type]  # nothing is deployed
    running.start()
    yield running
    running.stop()


def test_a_notification_survives_the_death_of_its_worker(workers: Portal, receiver: Receiver) -> None:
    secret = new_secret()
    make_target(receiver.url, secret=secret)
    first, second = (make_deployment(state="succeeded", kind="create") for _ in range(2))

    # Killed before sending: nothing is lost.
    workers.worker.kill()
    notices.deployment_ended(first, timezone.now())
    workers.start()
    wait_until(lambda: Delivery.objects.filter(state="sent").count() == 1, what="the first delivery")
    assert len(receiver.requests) == 1

    # Killed after the receiver has the message, but before that is recorded: repeated with the same id.
    receiver.open.clear()
    notices.deployment_ended(second, timezone.now())
    wait_until(lambda: len(receiver.requests) == 2, what="the second message")
    workers.worker.kill()
    receiver.open.set()
    workers.start()
    wait_until(lambda: Delivery.objects.filter(state="sent").count() == 2, what="the second delivery")

    assert not Delivery.objects.pending().exists()
    messages = {got.id: Webhook(secret).verify(got.body, got.headers) for got in receiver.requests}
    assert len(receiver.requests) == 3
    assert [
        messages[f"msg_{row.message_id.hex}"]["data"]["deployment"] for row in Delivery.objects.order_by("pk")
    ] == [first.pk, second.pk]
    assert len(messages) == 2


def test_a_mail_is_sent_once_by_the_next_worker(workers: Portal, box: Mailbox) -> None:
    target = make_target("https://unused.example.com/")
    target.kind, target.sealed_address = "mail", encrypt_values({"email": "ana@example.com"})
    target.save()
    first, second = (make_deployment(state="succeeded", kind="create") for _ in range(2))

    # Killed after it has taken the stored mail, and before the server has it: sent once.
    box.open.clear()
    notices.deployment_ended(first, timezone.now())
    wait_until(lambda: box.connections == 1, what="the worker at the mail server")
    workers.worker.kill()
    assert (box.messages, Delivery.objects.pending().count()) == ([], 1)
    box.open.set()
    workers.start()
    wait_until(lambda: Delivery.objects.filter(state="sent").count() == 1, what="the first delivery")
    assert [message["Message-ID"] for message in box.messages] == [_message_id(first)]

    # Killed after the server has it, and before that is recorded: repeated with the same id.
    box.confirms.clear()
    notices.deployment_ended(second, timezone.now())
    wait_until(lambda: len(box.messages) == 2, what="the second mail")
    workers.worker.kill()
    box.confirms.set()
    workers.start()
    wait_until(lambda: Delivery.objects.filter(state="sent").count() == 2, what="the second delivery")

    assert not Delivery.objects.pending().exists()
    assert [message["Message-ID"] for message in box.messages[1:]] == [_message_id(second)] * 2
    assert set(box.recipients) == {"ana@example.com"}


def _message_id(deployment: Deployment) -> str:
    return f"<msg_{Delivery.objects.get(deployment=deployment).message_id.hex}@localhost>"
