"""The form of a new environment in a browser: presets, changed values, advanced parameters."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from tests.flows.addresses import url
from tests.flows.test_pages import RULES, axe
from tests.flows.web import Web

SERVERS = "Web servers · App servers · Database"
"""The folded parameters that the sizes set."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def form(page: Page, web: Web, account: Account) -> Page:
    page.goto(url(web, "environment_new"))
    expect(page.locator("#presets")).to_be_visible()
    return page


def test_the_name_has_the_focus_and_deploy_is_in_view(form: Page) -> None:
    expect(form.get_by_label("Name", exact=True)).to_be_focused()
    for size in ({"width": 1440, "height": 900}, {"width": 390, "height": 844}):
        form.set_viewport_size(size)  # type: ignore[arg-type]
        expect(form.get_by_role("button", name="Deploy")).to_be_in_viewport(ratio=1)
    expect(form.locator("#expected")).to_contain_text("76 resources in 9 stacks")


def test_the_number_of_resources_follows_the_preset_and_the_choices(form: Page) -> None:
    form.get_by_role("radio", name="Production").check()
    expect(form.locator("#expected")).to_contain_text("87 resources in 10 stacks")

    form.locator("#advanced > summary").click()
    form.locator("#id_parameter_CloudWatchAlarms").select_option("false")
    expect(form.locator("#expected")).to_contain_text("81 resources in 9 stacks")


def test_a_preset_fills_the_parameters_and_is_deployed(form: Page) -> None:
    form.get_by_label("Name", exact=True).fill("small")
    form.get_by_role("radio", name="Trial").check()

    expect(form.locator("#id_parameter_WebServerCount")).to_have_value("1")
    expect(form.locator("#id_parameter_FinalSnapshot")).to_have_value("false")
    expect(form.locator("#bold")).to_have_text("Bold: differs from Trial.")
    expect(form.get_by_role("row", name="Web servers").locator(".differs")).to_have_text(
        ["2 × t4g.micro", "4 × m7g.large"]
    )
    form.get_by_role("button", name="Deploy").click()
    form.wait_for_url("**/deployments/*/")
    parameters = Deployment.objects.get().parameters
    assert (parameters["WebServerCount"], parameters["DeletionProtection"]) == ("1", "false")


def test_a_changed_value_is_marked_and_can_be_reset(form: Page) -> None:
    form.get_by_role("heading", name=SERVERS).click()
    form.locator("#id_parameter_WebServerCount").fill("3")

    expect(form.locator("#deviations")).to_have_text("Changed from Standard: 1")
    form.get_by_role("button", name="Reset to 2").click()
    expect(form.locator("#id_parameter_WebServerCount")).to_have_value("2")
    expect(form.get_by_role("button", name="Reset to 2")).to_be_hidden()


def test_the_search_finds_an_advanced_parameter(form: Page) -> None:
    form.locator("#advanced summary").click()
    form.get_by_label("Search parameters").fill("backup")

    expect(form.locator("#id_parameter_BackupRetentionDays")).to_be_visible()
    expect(form.locator("#id_parameter_MySqlPort")).to_be_hidden()
    form.get_by_label("Search parameters").fill("nothing like it")
    expect(form.get_by_text("No matching parameters.")).to_be_visible()


def test_only_the_changed_advanced_parameters_are_shown_on_request(form: Page) -> None:
    form.locator("#advanced summary").click()
    form.locator("#id_parameter_MySqlPort").fill("3307")
    form.get_by_role("button", name="Changed only").click()

    expect(form.locator("#id_parameter_MySqlPort")).to_be_visible()
    expect(form.locator("#id_parameter_UwsgiPort")).to_be_hidden()
    expect(form.locator("#advanced-changed")).to_have_text("Changed: 1")


def test_an_error_in_an_advanced_field_opens_it_and_keeps_what_was_typed(form: Page) -> None:
    form.get_by_label("Name", exact=True).fill("small")
    form.get_by_role("radio", name="Trial").check()
    form.locator("#advanced summary").click()
    form.locator("#id_parameter_MySqlPort").fill("80")
    form.get_by_role("button", name="Deploy").click()

    expect(form.get_by_role("alert")).to_be_focused()
    expect(form.locator("#id_parameter_MySqlPort")).to_be_visible()
    expect(form.get_by_role("radio", name="Trial")).to_be_checked()
    expect(form.locator("#id_parameter_WebServerCount")).to_have_value("1")


def test_a_rule_of_the_template_is_reported_at_its_fields_and_keeps_what_was_typed(form: Page) -> None:
    form.get_by_label("Name", exact=True).fill("small")
    form.locator("#advanced summary").click()
    port = form.locator("#id_parameter_UwsgiPort").input_value()
    form.locator("#id_parameter_AppHealthPort").fill(port)
    form.get_by_role("button", name="Deploy").click()

    expect(form.get_by_role("alert")).to_be_focused()
    expect(form.get_by_role("alert")).to_contain_text(
        "The app port and the health-check port must be different."
    )
    for name in ("AppHealthPort", "UwsgiPort"):
        expect(form.locator(f"#id_parameter_{name}")).to_have_attribute("aria-invalid", "true")
        expect(form.locator(f"#id_parameter_{name}")).to_be_visible()
    expect(form.locator("#id_parameter_AppHealthPort")).to_have_value(port)
    expect(form.get_by_label("Name", exact=True)).to_have_value("small")
    assert not Deployment.objects.exists()


def test_a_field_is_checked_when_it_is_left(form: Page) -> None:
    form.get_by_label("Name", exact=True).fill("9lives")
    form.get_by_label("Name", exact=True).press("Tab")
    found = "A name has letters, digits and hyphens, and starts with a letter."
    expect(form.locator("#id_name_error")).to_have_text(found)
    expect(form.get_by_label("Name", exact=True)).to_have_attribute("aria-invalid", "true")

    form.get_by_label("Name", exact=True).fill("lives")
    form.get_by_label("Name", exact=True).press("Tab")
    expect(form.locator("#id_name_error")).to_have_count(0)


def test_a_taken_name_is_reported_when_it_is_left(form: Page, web: Web) -> None:
    form.get_by_label("Name", exact=True).fill("small")
    form.get_by_role("button", name="Deploy").click()
    form.wait_for_url("**/deployments/*/")

    form.goto(url(web, "environment_new"))
    form.locator("#advanced summary").click()
    form.locator("#id_parameter_MySqlPort").fill("80")  # an error elsewhere does not hide it
    form.get_by_label("Name", exact=True).fill("small")
    form.get_by_label("Name", exact=True).press("Tab")
    expect(form.locator("#id_name_error")).to_contain_text("small")
    assert Deployment.objects.count() == 1


def test_the_check_of_a_field_does_not_send_the_secrets_of_others(form: Page) -> None:
    form.locator("#new-environment").evaluate(
        """(form) => form.append(Object.assign(document.createElement("input"),
        {type: "password", name: "parameter_Secret", value: "secret-value"}))"""
    )
    form.get_by_label("Name", exact=True).fill("lives")
    with form.expect_request("**/environments/new/check") as sent:
        form.get_by_label("Name", exact=True).press("Tab")
    assert "lives" in (sent.value.post_data or "")
    assert "secret-value" not in (sent.value.post_data or "")


def test_an_instance_type_is_chosen_with_the_arrow_keys(form: Page) -> None:
    form.get_by_role("heading", name=SERVERS).click()
    field = form.locator("#id_parameter_WebInstanceType")
    field.fill("m7g")
    expect(form.get_by_role("option", name="m7g.large 2 vCPU, 8 GiB")).to_be_visible()
    field.press("ArrowDown")
    field.press("Enter")

    expect(field).to_have_value("m7g.large")
    expect(form.get_by_role("listbox")).to_be_hidden()
    expect(form.locator("#deviations")).to_have_text("Changed from Standard: 1")


def test_folded_options_say_their_values(form: Page) -> None:
    fold = form.locator("details", has_text="Failure, time and approval")
    expect(fold.locator(".values")).to_have_text("Roll back (default) · Now")
    fold.locator("summary").click()
    form.get_by_label("Keep what was created").check()
    expect(fold.locator(".values")).to_have_text("Keep what was created, so that it can be fixed · Now")
    expect(form.locator("details", has_text="Clients").first.locator(".values")).to_have_text("0.0.0.0/0")


def test_the_form_passes_axe_with_everything_open(form: Page) -> None:
    form.get_by_role("heading", name=SERVERS).click()
    form.get_by_role("heading", name="Failure, time and approval").click()
    form.get_by_role("heading", name="Reason and labels").click()
    form.locator("#advanced summary").click()
    form.locator("#id_parameter_MySqlPort").fill("3307")
    assert axe(form, RULES) == []
