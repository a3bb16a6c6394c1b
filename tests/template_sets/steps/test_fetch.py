"""Fetches of template sets: new content becomes a version, and nothing is deployed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from deployments import dispatcher, tasks
from deployments.common.errors import FetchFailed
from deployments.common.message_codes import Code
from deployments.common.models import leases
from deployments.common.models.encryption import encrypt_values
from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.sources import TemplateFetch, TemplateSource
from deployments.template_sets.models.stored_sets import DeployedSet, TemplateCheck
from deployments.template_sets.models.versions import TemplateRef
from deployments.template_sets.sources.spec import Fetched, FetchSpec
from deployments.template_sets.steps import fetch
from deployments.template_sets.template_files import parameters
from tests.builders import make_operator
from tests.git_server import GitRepository, GitServer, git_server

pytestmark = pytest.mark.django_db

ROOT = "Resources: {Topic: {Type: AWS::SNS::Topic}}\n"
OTHER = "Resources: {Queue: {Type: AWS::SQS::Queue}}\n"


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """A bare repository with a shop's templates in a folder."""
    found = GitRepository(tmp_path / "served" / "shop.git")
    found.commit({"infra/root.yaml": ROOT, "README.md": "A shop"}, "Add a topic")
    return found


@pytest.fixture
def server(tmp_path: Path, repository: GitRepository, settings: Settings) -> Iterator[GitServer]:
    """A Git server on loopback, which the settings allow."""
    settings.SANSO_SOURCE_ADDRESSES = ["127.0.0.0/8"]
    with git_server(tmp_path / "served", token="read only") as running:
        yield running


@pytest.fixture
def shop(server: GitServer) -> TemplateSource:
    """The template source of that repository."""
    return TemplateSource.objects.create(
        name="shop",
        live_key="shop",
        kind="git",
        url=server.url("shop"),
        path="infra",
        refs="main v*",
        sealed_credentials=encrypt_values({"username": "reader", "token": "read only"}),
    )


def take(row: TemplateFetch | None, run: fetch.Fetch | None = None) -> TemplateFetch:
    """Carry out a fetch as the dispatcher and a worker do."""
    assert row is not None
    rows = TemplateFetch.objects.active().filter(pk=row.pk)
    for pk, version in leases.claim_due(rows, timezone.now(), timedelta(seconds=30)):
        assert fetch.run_fetch(pk, version, run) if run else fetch.run_fetch(pk, version)
    row.refresh_from_db()
    return row


def fetched(source: TemplateSource, **options: object) -> TemplateFetch:
    row = fetch.request(source, "button", timezone.now(), **options)  # type: ignore[arg-type]
    return take(row)


def test_a_fetch_of_git_adds_a_version_with_its_commit_and_deploys_nothing(
    shop: TemplateSource, repository: GitRepository
) -> None:
    user = make_operator("ana")

    row = fetched(shop, user=user)

    version = shop.versions.get()
    assert (row.state, row.added, row.error_sentence) == ("succeeded", 1, {})
    assert version.commit == repository.git("rev-parse", "main")
    assert (version.message, version.ref_names) == ("Add a topic", ["refs/heads/main"])
    assert version.author.startswith("Aiko Tanaka")
    assert version.authored_at is not None
    assert version.fetched_by == user
    assert DeployedSet.objects.filter(digest=version.digest).exists()
    assert TemplateCheck.objects.filter(digest=version.digest).exists()
    assert not Deployment.objects.exists()


def test_only_what_is_new_adds_a_version(shop: TemplateSource, repository: GitRepository) -> None:
    fetched(shop)
    assert fetched(shop).added == 0
    repository.commit({"infra/root.yaml": OTHER}, "Use a queue")
    repository.tag("v1")

    assert fetched(shop).added == 1

    newest = shop.versions.get(number=2)
    assert (newest.label, newest.ref_names) == ("v1", ["refs/heads/main", "refs/tags/v1"])
    assert shop.versions.get(number=1).ref_names == []


MANIFEST = "root: root.yaml\n"
PRESET = "presets: {small: {label: Small, parameters: {}}}\n"


def presets(source: TemplateSource, number: int) -> list[str]:
    """Return the presets of a stored version."""
    found = stored_sets.find(source.versions.get(number=number).digest)
    assert found is not None
    return [one.label for one in found.presets]


def test_a_manifest_that_changes_alone_is_a_version_of_git_with_its_own_files(
    shop: TemplateSource, repository: GitRepository
) -> None:
    repository.commit({"infra/template-set.yaml": MANIFEST}, "Add a manifest")
    fetched(shop)
    repository.commit({"infra/template-set.yaml": MANIFEST + PRESET}, "Add a preset")
    fetched(shop)
    repository.commit({"infra/template-set.yaml": f"# Small\n{PRESET}{MANIFEST}"}, "Describe it")
    fetched(shop)

    assert [presets(shop, number) for number in (1, 2, 3)] == [[], ["Small"], ["Small"]]
    first, second, described = shop.versions.order_by("number").values_list("digest", flat=True)
    assert (first != second, second == described) == (True, True)


def test_a_manifest_that_changes_alone_is_a_version_of_a_folder(tmp_path: Path, settings: Settings) -> None:
    settings.SANSO_LOCAL_SOURCES = [str(tmp_path)]
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "root.yaml").write_text(ROOT)
    source = TemplateSource.objects.create(name="shop", live_key="shop", kind="folder", url=str(folder))
    assert fetched(source).added == 1

    for text, added in [(MANIFEST, 1), (MANIFEST + PRESET, 1), (f"# Small\n{PRESET}{MANIFEST}", 0)]:
        (folder / "template-set.yaml").write_text(text)
        assert fetched(source).added == added, text
    (folder / "template-set.yaml").unlink()
    assert fetched(source).added == 0  # the first version again

    assert [presets(source, number) for number in (1, 2, 3)] == [[], [], ["Small"]]


def test_a_tag_that_moves_is_remembered_with_where_it_pointed(
    shop: TemplateSource, repository: GitRepository
) -> None:
    repository.tag("v1")
    fetched(shop)
    assert not TemplateRef.objects.moved_tags().exists()
    repository.commit({"infra/root.yaml": OTHER}, "Replace the release")
    repository.tag("v1")

    fetched(shop)

    (ref,) = TemplateRef.objects.moved_tags()
    first, second = shop.versions.order_by("number")
    assert (ref.name, ref.moved_from, ref.version) == ("refs/tags/v1", first, second)
    repository.git("tag", "--delete", "v1")
    fetched(shop)
    assert list(TemplateRef.objects.values_list("name", flat=True)) == ["refs/heads/main"]


def test_a_commit_that_is_no_template_set_adds_no_version_and_says_why(
    shop: TemplateSource, repository: GitRepository
) -> None:
    repository.tag("v1")
    repository.commit({"infra/root.yaml": "Resources: ["}, "Break it")

    row = fetched(shop)

    assert [one.label for one in shop.versions.all()] == ["v1"]
    assert row.state == "succeeded"
    shop.refresh_from_db()
    assert "root.yaml" in stored_text(shop.error_sentence)


def test_a_refused_login_ends_the_fetch_and_no_secret_is_stored_or_logged(
    shop: TemplateSource, caplog: pytest.LogCaptureFixture
) -> None:
    shop.sealed_credentials = encrypt_values({"username": "reader", "token": "a wrong secret"})
    shop.save()

    row = fetched(shop)

    assert row.state == "failed"
    assert row.error_sentence["code"] == "source_login_rejected"
    assert "a wrong secret" not in caplog.text + str(row.error_sentence) + shop.sealed_credentials
    shop.refresh_from_db()
    assert shop.error_sentence == row.error_sentence
    assert shop.fetched_at is not None


def test_an_uploaded_archive_becomes_a_version_once() -> None:
    source = TemplateSource.objects.create(name="shop", live_key="shop", kind="archive", path="set")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("set/root.yaml", ROOT)

    assert fetched(source, archive=buffer.getvalue()).added == 1
    row = fetched(source, archive=buffer.getvalue())

    assert (row.state, row.added, row.archive) == ("succeeded", 0, None)
    assert source.versions.get().label == "#1"


def test_a_folder_becomes_a_version(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "root.yaml").write_text(ROOT)
    source = TemplateSource.objects.create(name="shop", live_key="shop", kind="folder", url=str(folder))

    assert fetched(source).error_sentence["code"] == "source_path_not_allowed"
    settings.SANSO_LOCAL_SOURCES = [str(tmp_path)]
    assert fetched(source).added == 1


def test_a_worker_that_ends_is_followed_by_another_attempt_until_there_were_enough(
    shop: TemplateSource,
) -> None:
    class Killed(BaseException):
        """Simulates the death of the worker process."""

    def ends(_spec: FetchSpec) -> Fetched:
        raise Killed

    row = fetch.request(shop, "button", timezone.now())
    assert row is not None
    for _ in range(fetch.TRIES):
        with pytest.raises(Killed):
            take(row, ends)
        row.refresh_from_db()
        assert row.state == "running"
        assert row.due_at is not None
        assert row.due_at > timezone.now() + timedelta(seconds=FETCH_LIMIT)
        TemplateFetch.objects.filter(pk=row.pk).update(due_at=timezone.now())

    take(row, ends)

    assert (row.state, row.error_sentence["code"]) == ("failed", "fetch_interrupted")


FETCH_LIMIT = FetchSpec(kind="git").limits.seconds


def test_a_fetch_is_repeated_after_its_worker_ended(shop: TemplateSource) -> None:
    row = fetch.request(shop, "button", timezone.now())
    assert row is not None
    TemplateFetch.objects.filter(pk=row.pk).update(state="running", attempts=1, version=3)

    take(row)

    assert (row.state, row.added) == ("succeeded", 1)


def test_a_worker_that_was_taken_over_reports_nothing(shop: TemplateSource) -> None:
    row = fetch.request(shop, "button", timezone.now())

    def slow(_spec: FetchSpec) -> Fetched:
        TemplateFetch.objects.update(version=9)  # another worker has claimed it
        raise FetchFailed("FetchFailed", Code.SOURCE_TIMED_OUT, seconds="60")

    take(row, slow)

    assert row is not None
    assert (row.state, row.version) == ("running", 9)


def test_of_a_set_one_fetch_is_open(shop: TemplateSource) -> None:
    assert fetch.request(shop, "button", timezone.now())
    assert fetch.request(shop, "button", timezone.now()) is None


def test_scheduled_fetches_are_requested_when_their_time_has_come(shop: TemplateSource) -> None:
    now = timezone.now()
    TemplateSource.objects.update(fetch_minutes=30, due_at=now)

    assert fetch.request_scheduled(now) == 1
    assert fetch.request_scheduled(now) == 0

    shop.refresh_from_db()
    assert shop.due_at == now + timedelta(minutes=30)
    assert TemplateFetch.objects.get().trigger == "schedule"
    TemplateSource.objects.update(due_at=now)
    assert fetch.request_scheduled(now) == 0  # the open fetch has not ended
    shop.refresh_from_db()
    assert shop.due_at == now


def test_pushes_are_fetched_together_and_one_during_a_fetch_is_not_lost(shop: TemplateSource) -> None:
    now = timezone.now()
    fetch.request_after_push(shop, now)
    fetch.request_after_push(shop, now)
    row = TemplateFetch.objects.get()
    assert row.trigger == "webhook"

    TemplateFetch.objects.update(state="running")
    fetch.request_after_push(shop, now)
    assert fetch.request_scheduled(now + timedelta(minutes=1)) == 0
    TemplateFetch.objects.update(state="succeeded", active_key=None, ended_at=now)

    assert fetch.request_scheduled(now + timedelta(minutes=1)) == 1
    shop.refresh_from_db()
    assert shop.due_at is None


def test_the_dispatcher_publishes_fetches(shop: TemplateSource, monkeypatch: pytest.MonkeyPatch) -> None:
    row = fetch.request(shop, "button", timezone.now())
    published: list[tuple[int, int]] = []
    task = tasks.fetch_template_set
    monkeypatch.setattr(task, "apply_async", lambda args, **_options: published.append(args))

    dispatcher.one_pass()

    assert row is not None
    assert published == [(row.pk, 0)]


PRESETS = """
Parameters: {Size: {Type: String, Default: aa, AllowedPattern: "(a+)+$"}}
Resources: {Topic: {Type: AWS::SNS::Topic}}
"""


def test_values_of_a_manifest_are_checked_in_the_process_that_fetches_only(
    shop: TemplateSource, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_given: object) -> None:
        raise AssertionError("the worker evaluates what a set brings")

    monkeypatch.setattr(parameters, "problem", never)
    preset = "presets: {one: {parameters: {Size: %s}}}"
    repository.commit({"infra/root.yaml": PRESETS, "infra/template-set.yaml": preset % f"{'a' * 34}!"}, "Bad")

    row = fetched(shop)

    assert (row.state, shop.versions.count()) == ("failed", 0)
    assert "gives Size a value that the root template does not allow" in stored_text(row.error_sentence)
    repository.commit({"infra/template-set.yaml": preset % ("a" * 34)}, "Good")
    assert fetched(shop).state == "succeeded"
    assert stored_sets.find(shop.versions.get().digest) is not None
