"""Versions in the browser and the sandbox: an update, its promotion, and a rollback without the source."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.template_sets import sources, template_files
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.stored_sets import TemplateCheck
from deployments.template_sets.models.versions import TemplateRef
from deployments.template_sets.shared import versions
from tests.flows.small_set import MANIFEST, portal, portal_web, shared_portal, template_folder
from tests.flows.web import submit
from tests.git_server import GitRepository, GitServer, git_server
from tests.message_texts import reason
from tests.running import Portal, client, new_account
from tests.services import LIMIT, Sandbox, wait_until
from tests.template_versions import make_source

pytestmark = [pytest.mark.usefixtures("transactional_db"), pytest.mark.timeout(600)]
SOON = LIMIT * 1000
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Title: {Type: String, Default: first}
Resources:
  Shown: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
"""
NEWER = ROOT + "  More: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '${Title} again'}}\n"


TEMPLATES = {"root.yaml": ROOT}
__all__ = ["portal", "portal_web", "shared_portal", "template_folder"]


@pytest.fixture
def folder(portal: Portal, template_folder: Path) -> Iterator[Path]:
    """The module's template set, which a test may change or delete."""
    versions.record_current()
    yield template_folder
    template_folder.mkdir(exist_ok=True)
    (template_folder / "template-set.yaml").write_text(MANIFEST)
    (template_folder / "root.yaml").write_text(ROOT)


def write(folder: Path, root: str) -> None:
    """Write the set's root template, and record the version."""
    (folder / "root.yaml").write_text(root)
    TemplateCheck.objects.get_or_create(digest=template_files.load(folder).digest, defaults={"findings": []})
    versions.record_current()


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitServer]:
    """A server of Git repositories over HTTP."""
    with git_server(tmp_path / "git") as server:
        yield server


@pytest.mark.usefixtures("folder")
def test_an_update_from_git_is_previewed_and_promoted_and_gone_back_from_without_the_repository(
    own_page: Page, portal: Portal, sandbox: Sandbox, git: GitServer
) -> None:
    repository = git.create("shop")
    source = make_source("shop-templates", url=git.url("shop"))
    commit(repository, ROOT, "v1.0", "First release")
    fetch(source)
    account = new_account()
    requested = [portal.deploy(name, account, Title=name) for name in ("staging", "shop")]
    staging, shop = portal.wait_for_end(*requested, seconds=2 * LIMIT)
    assert (staging.state, shop.state) == (State.SUCCEEDED, State.SUCCEEDED), reason(staging)
    for one in (staging, shop):
        the_bundled_set_is_left_for_the_repository(own_page, portal, one.environment)
        follow(own_page, one.environment, "v1.*")

    commit(repository, NEWER, "v1.1", "One more topic")
    fetch(source)
    an_update_is_previewed_and_applied(own_page, portal, staging)
    assert titles(staging, sandbox) == {"staging", "staging again", "shop"}

    address = f"{shop.environment.get_absolute_url()}update?to={source.versions.get(number=1).pk}"
    promotion = own_page.locator(f"#take-{staging.environment_id}")
    # Offered while staging is ready: right after its update it may be observed as degraded.
    wait_until(lambda: bool(own_page.goto(address)) and promotion.count() == 1, what="the promotion")
    promotion.click()
    own_page.get_by_role("button", name="Preview this change").click()
    applied(own_page, portal)
    assert titles(shop, sandbox) == {"staging", "staging again", "shop", "shop again"}

    repository.delete()
    TemplateSource.objects.filter(pk=source.pk).update(removed_at=timezone.now(), live_key=None)
    own_page.goto(f"{staging.environment.get_absolute_url()}history")
    row = own_page.locator(f"#deployment-{staging.pk}")
    row.get_by_role("button", name="Roll back to this").click()
    applied(own_page, portal)
    assert titles(staging, sandbox) == {"staging", "shop", "shop again"}


def commit(repository: GitRepository, root: str, tag: str, message: str) -> None:
    """Commit the set with the given root template, and tag the commit."""
    repository.commit({"set/root.yaml": root, "set/template-set.yaml": MANIFEST}, message)
    repository.tag(tag)


def fetch(source: TemplateSource) -> None:
    """Fetch the new versions of a repository."""
    known = frozenset(source.versions.values_list("commit", flat=True))
    found = sources.fetch(
        sources.FetchSpec(
            kind="git",
            url=source.url,
            refs=source.refs,
            known_commits=known,
            addresses=("127.0.0.0/8",),
        )
    )
    for one in found.versions:
        template_set = template_files.as_template_set(one.files, "set")
        TemplateCheck.objects.get_or_create(digest=template_set.digest, defaults={"findings": []})
        about = {"author": one.author, "authored_at": one.authored_at, "message": one.message}
        versions.add(source, template_set, commit=one.commit, about=about)
    for version in source.versions.all():
        version.ref_names = [name for name, at in found.refs.items() if at == version.commit]
        version.save()
        for name in version.ref_names:
            TemplateRef.objects.update_or_create(source=source, name=name, defaults={"version": version})


def the_bundled_set_is_left_for_the_repository(page: Page, portal: Portal, environment: Environment) -> None:
    """Switch an environment to the repository's version with the same files, which changes nothing in AWS."""
    page.goto(f"{environment.get_absolute_url()}update")
    page.get_by_label("Another version").select_option("v1.0")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#no-difference")).to_be_visible()
    page.get_by_role("button", name="Preview this change").click()
    change = Deployment.objects.for_page().filter(kind="update").order_by("-pk")[0]
    (ended,) = portal.wait_for_end(change, seconds=LIMIT)
    assert ended.changed_nothing
    page.goto(environment.get_absolute_url())
    expect(page.locator("#version")).to_contain_text("shop-templates v1.0")


def an_update_is_previewed_and_applied(page: Page, portal: Portal, of: Deployment) -> None:
    page.goto("/environments/")
    expect(page.get_by_role("table").get_by_role("link", name="Update available")).to_have_count(2)
    page.locator(f"#environment-{of.environment_id}-note").click()
    expect(page.locator("#files")).to_contain_text("More: {Type: AWS::SNS::Topic")
    expect(page.locator("#commits")).to_contain_text("One more topic")
    expect(page.locator("#commits")).to_contain_text("Aiko Tanaka")
    page.get_by_label("Reason").fill("one more topic")
    page.get_by_role("button", name="Preview this change").click()
    expect(page.locator("#version")).to_contain_text("v1.1")
    applied(page, portal)


def test_a_new_version_of_the_bundled_folder_is_an_update_and_going_back_pauses_it(
    own_page: Page, portal: Portal, sandbox: Sandbox, folder: Path
) -> None:
    account = new_account()
    (staging,) = portal.wait_for_end(portal.deploy("staging", account, Title="staging"), seconds=2 * LIMIT)
    assert staging.state == State.SUCCEEDED, reason(staging)
    follow(own_page, staging.environment, "*")
    write(folder, NEWER)
    own_page.goto(f"{staging.environment.get_absolute_url()}update")
    own_page.get_by_role("button", name="Preview this change").click()
    applied(own_page, portal)

    shutil.rmtree(folder)
    own_page.goto(f"{staging.environment.get_absolute_url()}history")
    row = own_page.locator(f"#deployment-{staging.pk}")
    row.get_by_role("button", name="Roll back to this").click()
    applied(own_page, portal)
    assert titles(staging, sandbox) == {"staging"}

    own_page.goto(f"{staging.environment.get_absolute_url()}configuration")
    expect(own_page.locator("#channel-says")).to_contain_text("went back from version 2")
    expect(own_page.locator("main")).not_to_contain_text("Update available")
    own_page.get_by_role("button", name="Resume updates").click()
    expect(own_page.locator("#update-available")).to_be_visible()


def test_a_manifest_that_changes_alone_is_an_update_that_changes_nothing_in_aws(
    own_page: Page, portal: Portal, sandbox: Sandbox, folder: Path
) -> None:
    account = new_account()
    (staging,) = portal.wait_for_end(portal.deploy("staging", account, Title="staging"), seconds=2 * LIMIT)
    assert staging.state == State.SUCCEEDED, reason(staging)
    follow(own_page, staging.environment, "*")

    preset = "presets: {loud: {label: Loud, parameters: {Title: STAGING}}}\n"
    (folder / "template-set.yaml").write_text(MANIFEST + preset)
    write(folder, ROOT)

    own_page.goto("/environments/")
    own_page.locator(f"#environment-{staging.environment_id}-note").click()
    expect(own_page.locator("#files")).to_contain_text("template-set.yaml")
    expect(own_page.locator("#files")).to_contain_text("label: Loud")
    own_page.get_by_role("button", name="Preview this change").click()
    change = Deployment.objects.for_page().filter(kind="update").order_by("-pk")[0]
    (ended,) = portal.wait_for_end(change, seconds=LIMIT)
    assert ended.changed_nothing, reason(ended)

    own_page.goto(staging.environment.get_absolute_url())
    expect(own_page.locator("#version")).to_contain_text("#2")
    expect(own_page.locator("main")).not_to_contain_text("Update available")
    assert titles(staging, sandbox) == {"staging"}
    own_page.goto("/environments/new")
    expect(own_page.locator("label[for=preset-loud]")).to_be_visible()


def follow(page: Page, environment: Environment, channel: str) -> None:
    page.goto(f"{environment.get_absolute_url()}configuration")
    page.get_by_label("Channel").fill(channel)
    page.get_by_role("button", name="Set channel").click()
    expect(page.get_by_text(f"The environment follows {channel}.")).to_be_visible()


def applied(page: Page, portal: Portal) -> Deployment:
    """Apply the displayed preview, and return the change when it has ended."""
    expect(page.locator("#apply-change")).to_be_visible(timeout=SOON)
    preview = Deployment.objects.for_page().filter(kind="update").order_by("-pk")[0]
    submit(page.locator("#apply-change"))
    (ended,) = portal.wait_for_end(preview, seconds=3 * LIMIT)
    assert ended.state == State.SUCCEEDED, reason(ended)
    return ended


def titles(deployment: Deployment, sandbox: Sandbox) -> set[str]:
    """Return the display names of the account's topics in AWS."""
    sns = client(deployment.environment.account, "sns", sandbox)
    topics = [one["TopicArn"] for one in sns.list_topics()["Topics"]]
    return {sns.get_topic_attributes(TopicArn=one)["Attributes"]["DisplayName"] for one in topics}
