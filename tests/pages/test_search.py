"""The lists of environments and deployments: search, and orders that all pages of a list keep."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from deployments.access.models.grants import Grant, Label, ServiceAccount, Team, TeamMember
from deployments.access.models.tokens import ApiToken
from deployments.changes.models.approvals import Approval
from deployments.common.pages import lists
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from tests.builders import (
    make_account,
    make_deployment,
    make_environment,
    make_grant,
    make_operator,
    make_user,
)
from tests.pages.pages import Element, page
from tests.template_versions import make_source, make_version

pytestmark = pytest.mark.django_db

ENVIRONMENTS, DEPLOYMENTS = reverse("environments"), reverse("deployments")
APPROVALS, SETS = reverse("approvals"), reverse("template_sets")
LISTS = (ENVIRONMENTS, DEPLOYMENTS, APPROVALS, SETS)


def names(client: Client, url: str) -> list[str]:
    body = page(client.get(url)).all("tbody")
    return [row.one("th").all("a")[0].text for row in body[0].all("tr")] if body else []


def test_a_search_finds_names_owners_and_labels(browser: Client) -> None:
    shop = make_environment("shop", owner=make_operator("lee"))
    make_environment("billing", owner=make_operator("kim"))
    Label.objects.create(environment=shop, key="team", value="payments")

    for text, found in (("SHO", ["shop"]), ("kim", ["billing"]), ("team=payments", ["shop"]), ("team=x", [])):
        assert names(browser, f"{ENVIRONMENTS}?q={text}") == found
    form = page(browser.get(f"{ENVIRONMENTS}?q=sho&sort=name&after=0-1-a")).one("form", id="search")
    assert [(i["name"], i["value"]) for i in form.all("input")] == [("q", "sho"), ("sort", "name")]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["a", "b", "c", "d"]),
        ("owner", ["c", "b", "d", "a"]),
        ("account", ["d", "b", "c", "a"]),
        ("newest", ["d", "c", "b", "a"]),
    ],
)
def test_each_order_continues_on_the_next_page(
    browser: Client, monkeypatch: pytest.MonkeyPatch, sort: str, expected: list[str]
) -> None:
    monkeypatch.setattr(lists, "PAGE", 3)
    first, second = make_operator("first"), make_operator("second")
    one, two = make_account("one"), make_account("two")
    make_environment("a", owner=second, account=two)
    make_environment("b", owner=first, account=one)
    make_environment("c", owner=first, account=two)
    make_environment("d", owner=second, account=one)

    shown = page(browser.get(f"{ENVIRONMENTS}?sort={sort}"))
    more = next(a for a in shown.all("a", class_="button") if a.text == "Next page")

    assert [r.one("th").all("a")[0].text for r in shown.one("tbody").all("tr")] == expected[:3]
    assert names(browser, ENVIRONMENTS + more["href"]) == expected[3:]


def test_the_head_of_a_column_sorts_rows_by_it_and_then_in_reverse(browser: Client) -> None:
    for name in ("b", "c", "a"):
        make_environment(name)

    def head(url: str) -> Element:
        return page(browser.get(url)).one(id="sort-name")

    assert head(f"{ENVIRONMENTS}?q=a&after=0-0")["href"] == "?q=a&sort=name"
    link = head(ENVIRONMENTS)["href"]
    assert names(browser, ENVIRONMENTS + link) == ["a", "b", "c"]
    reverse_link = head(ENVIRONMENTS + link)["href"]
    assert names(browser, ENVIRONMENTS + reverse_link) == ["c", "b", "a"]
    assert head(ENVIRONMENTS + reverse_link)["href"] == link
    shown = page(browser.get(ENVIRONMENTS + reverse_link))
    assert shown.one("caption").text == "Environments: By name (reversed)"
    (sorted_column,) = shown.all("th", aria_sort="descending")
    assert sorted_column.text.startswith("Name")
    assert shown.one(id="filter-sort").one("summary").text == "By name (reversed)"


def test_deployments_are_found_by_environment_user_and_label(browser: Client) -> None:
    shop, other = make_environment("shop"), make_environment("other")
    Label.objects.create(environment=shop, key="team", value="payments")
    first = make_deployment(shop, state="succeeded")
    second = make_deployment(other, state="succeeded", requested_by=make_operator("kim"))

    for text, found in (("shop", [first]), ("kim", [second]), ("team=payments", [first]), ("nothing", [])):
        shown = page(browser.get(DEPLOYMENTS, {"q": text})).one("main")
        links = {a["href"] for a in shown.all("a")}
        assert [one for one in (first, second) if f"/deployments/{one.pk}/" in links] == found


def make_request(name: str, *, hours: int = 24, account: Account | None = None, user: str = "") -> Deployment:
    """Return a change that waits for approval."""
    person = make_operator(user)
    environment = make_environment(name, account=account or make_account(), owner=make_operator())
    change = make_deployment(
        environment, kind="update", state="approval", active_key=None, requested_by=person
    )
    Approval.objects.create(
        deployment=change,
        open_key=change.pk,
        digest="d",
        requested_by=person,
        requested_at=timezone.now(),
        expires_at=timezone.now() + timedelta(hours=hours),
    )
    return change


def environments_of(client: Client, url: str) -> list[str]:
    """Return the environments of the rows of a list of deployments or approvals."""
    body = page(client.get(url)).all("tbody")
    return [row.all("a")[1].text for row in body[0].all("tr")] if body else []


@pytest.mark.parametrize(
    ("url", "orders"),
    [
        (DEPLOYMENTS, {"": "cba", "oldest": "abc", "name": "abc", "account": "bca", "user": "cab"}),
        (APPROVALS, {"": "bca", "newest": "cba", "name": "abc", "account": "bca", "user": "cab"}),
    ],
)
def test_pages_of_deployments_and_of_requests_are_in_the_chosen_order(
    browser: Client, monkeypatch: pytest.MonkeyPatch, url: str, orders: dict[str, str]
) -> None:
    monkeypatch.setattr(lists, "PAGE", 1)
    make_request("a", hours=3, account=make_account("z"), user="lee")
    make_request("b", hours=1, account=make_account("x"), user="mia")
    make_request("c", hours=2, account=make_account("y"), user="kim")

    for sort, expected in orders.items():
        seen, following = [], f"?sort={sort}"
        while following:
            shown = page(browser.get(url + following))
            seen += [row.all("a")[1].text for row in shown.one("tbody").all("tr")]
            following = "".join(a["href"] for a in shown.all("a", class_="button") if a.text == "Next page")
        assert "".join(seen) == expected, sort


@pytest.mark.parametrize("url", [ENVIRONMENTS, DEPLOYMENTS, APPROVALS])
def test_lists_are_narrowed_by_account_set_label_and_text(browser: Client, url: str, tmp_path: Path) -> None:
    source = make_source(name="shop-set")
    version = make_version(source, tmp_path, "v1.2")
    make_source(name="other-set")
    change, other = make_request("shop"), make_request("other")
    Deployment.objects.filter(pk=change.pk).update(template_version=version)
    shop = change.environment
    type(shop).objects.filter(pk=shop.pk).update(template_version=version)
    Label.objects.create(environment=shop, key="team", value="payments")
    read = names if url == ENVIRONMENTS else environments_of

    shown = page(browser.get(url))
    links = {a.text: a["href"] for a in shown.all("a", class_="choice")}

    for chosen in (shop.account.name, "shop-set", "team=payments"):
        assert read(browser, url + links[chosen]) == ["shop"], chosen
    for text in ("shop-set", "v1", shop.account.name, "team=payments"):
        assert read(browser, f"{url}?q={text}") == ["shop"], text
    assert sorted(read(browser, url)) == ["other", "shop"]
    assert read(browser, f"{url}?account={other.environment.account_id}") == ["other"]


def test_each_filter_is_a_menu_and_a_set_one_is_a_link_that_removes_it(browser: Client) -> None:
    for number in range(10):
        make_environment(f"env{number}", account=make_account(f"account{number}"))
    address = f"{ENVIRONMENTS}?sort=name&q=env"
    everything = page(browser.get(address))
    choices = everything.one(id="filter-account").all("a")
    assert [choice.text for choice in choices][:2] == ["All accounts", "account0"]

    shown = page(browser.get(ENVIRONMENTS + choices[1]["href"]))

    assert shown.one(id="filter-account").one("summary")["aria-current"] == "true"
    assert shown.one(id="filter-sort").one("summary").text == "By name"
    removers = {link.text: link["href"] for link in shown.one(class_="set-filters").all("a")}
    assert list(removers) == ["Remove filter Search: env ✕", "Remove filter Account: account0 ✕"]
    assert len(names(browser, ENVIRONMENTS + removers["Remove filter Account: account0 ✕"])) == 10
    hidden = [field["name"] for field in shown.one("form", id="search").all("input", type="hidden")]
    assert hidden == ["sort", "account"]  # a search keeps them


@pytest.mark.parametrize(
    ("url", "query", "expected"),
    [
        (
            ENVIRONMENTS,
            "status=problem&q=x&sort=name&deleted=1",
            {
                "Remove filter Search: x ✕": "?status=problem&sort=name&deleted=1",
                "Remove filter Status: Problems ✕": "?q=x&sort=name&deleted=1",
            },
        ),
        (DEPLOYMENTS, "label=team%3Dx", {"Remove filter Label: team=x ✕": "?"}),
        (DEPLOYMENTS, "account=4711&sort=user", {"Remove filter Account: 4711 ✕": "?sort=user"}),
        (APPROVALS, "q=nothing", {"Remove filter Search: nothing ✕": "?"}),
        (
            SETS,
            "kind=archive&q=nothing",
            {
                "Remove filter Search: nothing ✕": "?kind=archive",
                "Remove filter Source: Archive ✕": "?q=nothing",
            },
        ),
    ],
)
def test_an_empty_list_says_which_filters_hide_rows_and_removes_each(
    browser: Client, url: str, query: str, expected: dict[str, str]
) -> None:
    make_request("shop")
    make_source()

    shown = page(browser.get(f"{url}?{query}"))
    found: Element = shown.one(class_="set-filters")
    assert {a.text: a["href"] for a in found.all("a")} == expected
    for part in (shown, page(browser.get(f"{url}?{query}", headers={"HX-Request": "true"}))):
        assert part.all(id="no-matching")
        assert not part.all("table")


def test_template_sets_are_found_and_ordered(browser: Client, tmp_path: Path) -> None:
    beta = make_source(name="beta", url="https://git.example.com/web.git")
    make_version(beta, tmp_path, "v7")
    make_source(name="alpha", kind="folder")

    assert names(browser, f"{SETS}?sort=name") == ["alpha", "beta"]
    assert names(browser, f"{SETS}?sort=newest") == ["beta", "alpha"]
    for text in ("BET", "web.git", "v7"):
        assert names(browser, f"{SETS}?q={text}") == ["beta"]
    assert names(browser, f"{SETS}?kind=git") == ["beta"]


@pytest.mark.parametrize("url", LISTS)
def test_more_rows_take_no_more_queries(
    browser: Client, url: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def add(numbers: range) -> None:
        for number in numbers:
            environment = make_request(f"e{number}").environment
            Label.objects.create(environment=environment, key="a", value=f"{number}")
            make_source(name=f"set-e{number}")

    queries = ("?q=e&sort=name", "?q=none", "?sort=account")
    add(range(2))
    browser.get(url)
    few = {}
    for query in queries:
        with CaptureQueriesContext(connection) as seen:
            browser.get(url + query)
        few[query] = len(seen)
    add(range(2, 9))

    for query in queries:
        with django_assert_num_queries(few[query]):
            browser.get(url + query)


def test_two_hundred_users_are_found_by_name_team_and_role_and_read_in_pages(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(make_grant(make_user("boss"), role="admin"))
    url, team = reverse("access_people"), Team.objects.create(name="Payments", key="payments")
    Grant.objects.create(team=team, role="operator", key="g")

    def add(numbers: range) -> None:
        users = [User(username=f"user{number:03}", email=f"u{number}@example.com") for number in numbers]
        made = User.objects.bulk_create(users)
        TeamMember.objects.bulk_create(
            TeamMember(team=team, user=one) for one in made if one.username.endswith("7")
        )

    add(range(8))
    with CaptureQueriesContext(connection) as few:
        client.get(f"{url}?q=user")
    add(range(8, 200))

    with django_assert_num_queries(len(few)):
        client.get(f"{url}?q=user")
    seen, following = [], "?q=user"
    while following:
        shown = page(client.get(url + following))
        seen += [row.one("th").text for row in shown.one("tbody").all("tr")]
        following = "".join(a["href"] for a in shown.all("a", class_="button") if a.text == "Next page")
    assert seen == [f"user{number:03}" for number in range(200)]
    assert names(client, f"{url}?q=payments") == [f"user{number:03}" for number in range(7, 200, 10)]
    assert names(client, f"{url}?role=operator&sort=newest")[0] == "user197"
    assert names(client, f"{url}?q=u44%40example") == ["user044"]
    hiding = page(client.get(f"{url}?role=approver&q=x")).one(class_="set-filters")
    assert [a.text for a in hiding.all("a")] == [
        "Remove filter Search: x ✕",
        "Remove filter Role: Approver ✕",
    ]


def test_teams_and_accounts_are_searched_in_pages_with_the_numbers_of_what_they_have(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE", 30)
    client.force_login(make_grant(make_user("boss"), role="admin"))
    lee, places = make_user("lee"), {"access_teams": "team-", "access_accounts": "account-"}

    def add(numbers: range) -> None:
        for number in numbers:
            team = Team.objects.create(name=f"team-{number:02}", key=f"team-{number:02}")
            account = make_account(f"account-{number:02}", region=f"eu-west-{number % 3}")
            make_environment(f"e{number}", account=account, owner=lee)
            TeamMember.objects.create(team=team, user=lee)

    add(range(3))
    few = {}
    for name in places:
        with CaptureQueriesContext(connection) as seen:
            client.get(reverse(name))
        few[name] = len(seen)
    add(range(3, 50))

    for name, start in places.items():
        url = reverse(name)
        with django_assert_num_queries(few[name]):
            shown = page(client.get(url))
        more = next(a["href"] for a in shown.all("a", class_="button") if a.text == "Next page")
        assert names(client, url) + names(client, url + more) == [f"{start}{n:02}" for n in range(50)]
        assert names(client, f"{url}?q={start.upper()}07&sort=newest") == [f"{start}07"]
        hiding = page(client.get(f"{url}?q=nothing")).one(class_="set-filters")
        assert hiding.text == "Remove filter Search: nothing ✕"
    assert names(client, f"{reverse('access_teams')}?q=lee")[0] == "team-00"
    assert names(client, f"{reverse('access_accounts')}?sort=region")[0] == "account-48"


def test_an_account_leads_to_who_may_do_what_in_it_for_those_who_manage_it(client: Client) -> None:
    mine, other = make_environment("mine"), make_environment("other")
    user = make_grant(make_user("ann"), role="admin", scope="account", account=mine.account)
    Label.objects.create(environment=other, key="team", value="a")
    make_grant(user, role="admin", scope="label", label_key="team", label_value="a")
    client.force_login(user)

    links = {a.text: a["href"] for a in page(client.get(ENVIRONMENTS)).one("tbody").all("a")}

    assert links[mine.account.name] == reverse("access_account", args=[mine.account_id])
    assert other.account.name not in links
    assert names(client, reverse("access_accounts")) == [mine.account.name]
    assert client.get(links[mine.account.name]).status_code == 200
    assert client.get(reverse("access_account", args=[other.account_id])).status_code == 404


def test_tokens_of_a_service_account_are_searched_and_filtered_and_stay_its_own(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE", 2)
    boss, program = make_user("boss", is_superuser=True), make_user("ci")
    ServiceAccount.objects.create(user=program)
    client.force_login(boss)
    for number, name in enumerate(("deploy", "build", "report")):
        ApiToken.objects.create(
            owner=program,
            created_by=boss,
            name=name,
            prefix=f"p{number}",
            digest=f"d{number}",
            expires_at=timezone.now() + timedelta(days=1 - 2 * (name == "report")),
        )
    mine = {"owner": boss, "created_by": boss, "name": "mine", "prefix": "m", "digest": "m"}
    ApiToken.objects.create(expires_at=timezone.now(), **mine)
    url = f"{reverse('tokens')}?owner={program.pk}"

    def listed(query: str) -> list[str]:
        body = page(client.get(url + query)).all("tbody")
        return [row.one("th").text.split()[0] for row in body[0].all("tr")] if body else []

    assert listed("") == ["report", "build"]
    more = next(a for a in page(client.get(url)).all("a", class_="button") if a.text == "Next page")["href"]
    assert listed("&" + more[1:]) == ["deploy"]
    assert (listed("&q=BUI"), listed("&status=expired"), listed("&q=mine")) == (["build"], ["report"], [])
    assert listed("&sort=name&status=active") == ["build", "deploy"]
    ApiToken.objects.filter(name="build").update(suspended_at=timezone.now())
    assert (listed("&status=active"), listed("&status=suspended")) == (["deploy"], ["build"])
    empty = page(client.get(f"{url}&q=mine"))
    assert [a["href"] for a in empty.one(class_="set-filters").all("a")] == [f"?owner={program.pk}"]
    assert [a["href"] for a in empty.one(id="no-matching").all("a")] == [url]
    form = page(client.get(f"{url}&q=x")).one("form", id="search")
    assert [(i["name"], i["value"]) for i in form.all("input")] == [("q", "x"), ("owner", f"{program.pk}")]


@pytest.mark.parametrize("url", [*LISTS, reverse("access_people"), reverse("access_teams")])
def test_an_address_that_somebody_changed_causes_no_error(browser: Client, url: str) -> None:
    make_request("shop")
    make_grant(User.objects.get(username="ana"), role="admin")

    for query in ("after=1-2026-01-01", "after=x-y", "after=5-&sort=name", "sort=x&after=3", "account=x"):
        assert browser.get(f"{url}?{query}").status_code == 200
