"""The form of a new environment."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets import template_files
from tests.builders import make_account, make_deployment, make_environment, make_grant, make_user
from tests.pages.pages import Element, page

URL = reverse("environment_new")
BOUNDARY = "arn:aws:iam::123456789012:policy/sanso-boundary"
pytestmark = pytest.mark.usefixtures("template_set")


@pytest.fixture
def account(db: None) -> Account:
    return make_account("sandbox")


def filled(account: Account, /, **changes: str) -> dict[str, str]:
    """Return a valid form with some values changed; `Size` is the field of that parameter."""
    parameters = {
        "Size": "large",
        "Count": "3",
        "Fast": "true",
        "Database": "datelog",
        "Password": "a long secret",
        "Token": "",
        "Zones": "a\nb, c",
        "Certificate": "",
    }
    form = {
        "account": str(account.pk),
        "name": "staging",
        "reason": "load test",
        "request_key": str(uuid.uuid4()),
    }
    form |= {f"parameter_{name}": value for name, value in parameters.items()}
    return form | {name if name in form else f"parameter_{name}": value for name, value in changes.items()}


def field(shown: Element, name: str) -> Element:
    return shown.one(id=f"id_parameter_{name}")


def test_every_group_is_a_fieldset_with_its_legend(browser: Client, account: Account) -> None:
    shown = page(browser.get(URL))

    legends = [fieldset.all("legend")[0].text for fieldset in shown.all("fieldset")]
    assert legends == ["Environment", "Servers", "Database", "Parameters", "If something fails", "When"]


def test_every_parameter_has_the_widget_that_fits(browser: Client, account: Account) -> None:
    shown = page(browser.get(URL))

    assert [o["value"] for o in field(shown, "Size").all("option")] == ["small", "large"]
    assert [o.text for o in field(shown, "Fast").all("option")] == ["Yes (true)", "No (false)"]
    count = field(shown, "Count").attributes
    assert (count["type"], count["min"], count["max"], count["value"]) == ("number", "1", "8", "2")
    password = field(shown, "Password").attributes
    assert (password["type"], password["autocomplete"]) == ("password", "new-password")
    assert field(shown, "Zones").name == "textarea"
    assert field(shown, "Database")["type"] == "text"


def test_labels_and_help_come_from_the_template(browser: Client, account: Account) -> None:
    shown = page(browser.get(URL))

    assert shown.one("label", for_="id_parameter_Size").text == "Size of a server"
    assert shown.one(id="id_parameter_Size_helptext").text == "How big a server is."
    assert field(shown, "Size")["aria-describedby"] == "id_parameter_Size_helptext"
    assert shown.one("label", for_="id_parameter_Count").text == "Count"


def test_a_pattern_that_only_cloudformation_can_check_is_named_and_not_checked(
    browser: Client, account: Account, template_set: Path
) -> None:
    root = template_set / "root.yaml"
    root.write_text(root.read_text().replace("AllowedPattern: '[a-z]+'", "AllowedPattern: '[a-z&&[^x]]+'"))

    shown = page(browser.get(URL))
    response = browser.post(URL, filled(account, Database="a=x"))

    text = shown.one(id="id_parameter_Database_helptext").text
    assert text == "Only CloudFormation checks the pattern [a-z&&[^x]]+."
    assert (response.status_code, Deployment.objects.count()) == (302, 1)


def test_optional_fields_are_marked(browser: Client, account: Account) -> None:
    shown = page(browser.get(URL))

    assert "(optional)" in shown.one("label", for_="id_parameter_Certificate").text
    assert "(optional)" in shown.one("label", for_="id_parameter_Token").text  # its default is used
    assert "(optional)" not in shown.one("label", for_="id_parameter_Database").text


def test_the_bundled_form_uses_http_for_app_servers_and_marks_the_choice_as_permanent(
    browser: Client, account: Account, settings: Any
) -> None:
    settings.SANSO_TEMPLATE_SET = settings.BASE_DIR / "infra_templates"

    shown = page(browser.get(URL))

    options = field(shown, "AppProtocol").all("option")
    assert [(o["value"], "selected" in o.attributes) for o in options] == [("http", True), ("uwsgi", False)]
    assert "(choose once)" in shown.one("label", for_="id_parameter_AppProtocol").text
    assert "(choose once)" not in shown.one("label", for_="id_parameter_TableName").text


def test_the_name_of_the_stack_is_displayed(browser: Client, account: Account) -> None:
    assert page(browser.get(URL)).one("output")["data-prefix"] == "sanso-"


def test_a_valid_form_redirects_to_its_deployment(browser: Client, account: Account, operator: User) -> None:
    response = browser.post(URL, filled(account))

    deployment = Deployment.objects.get()
    assert response["Location"] == deployment.get_absolute_url()
    assert (deployment.requested_by, deployment.reason) == (operator, "load test")
    assert deployment.environment.stack_name == "sanso-staging"
    assert deployment.parameters == {
        "Size": "large",
        "Count": "3",
        "Fast": "true",
        "Database": "datelog",
        "Zones": "a,b,c",
        "Certificate": "",
    }


def test_the_same_form_sent_twice_creates_one_deployment(browser: Client, account: Account) -> None:
    form = filled(account)

    first, second = browser.post(URL, form), browser.post(URL, form)

    assert first["Location"] == second["Location"]
    assert Deployment.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"Size": "huge"}, "Must be one of: small, large."),
        ({"Count": "many"}, "Enter a number."),
        ({"Count": "9"}, "Must be between 1 and 8."),
        ({"Database": ""}, "This field is required. Lower case letters only."),
        ({"Database": "Date Log"}, "Lower case letters only."),
        ({"Database": "a" * 4097}, "Must have at most 4096 bytes."),
        ({"Password": "short"}, "Must have at least 8 characters."),
        ({"Password": ""}, "This field is required."),
    ],
)
def test_an_invalid_value_has_an_error_at_its_field_and_on_top(
    browser: Client, account: Account, wrong: dict[str, str], sentence: str
) -> None:
    response = browser.post(URL, filled(account, **wrong))

    shown = page(response)
    (name,) = wrong
    assert response.status_code == 422
    assert field(shown, name)["aria-invalid"] == "true"
    assert f"id_parameter_{name}_error" in field(shown, name)["aria-describedby"]
    assert shown.one(id=f"id_parameter_{name}_error").text == sentence
    (link,) = shown.one(role="alert").all("a")
    assert link["href"] == f"#id_parameter_{name}"
    assert not Deployment.objects.exists()


@pytest.mark.parametrize(
    "elsewhere",
    ["arn:aws:sns:us-east-1:123456789012:oncall", "arn:aws-cn:sns:ap-northeast-1:123456789012:oncall"],
)
def test_an_arn_of_another_region_or_partition_has_an_error_at_its_field(
    browser: Client, account: Account, settings: Any, elsewhere: str
) -> None:
    settings.SANSO_TEMPLATE_SET = settings.BASE_DIR / "infra_templates"
    form = {name: value for name, value in filled(account).items() if not name.startswith("parameter_")}
    initial = template_files.load(settings.SANSO_TEMPLATE_SET).parameters
    form |= {f"parameter_{name}": parameter.initial or "" for name, parameter in initial.items()}

    response = browser.post(URL, form | {"parameter_AlarmTopicArn": elsewhere})

    sentence = "Must be in the region of the environment: arn:aws:sns:ap-northeast-1:…"
    assert response.status_code == 422
    assert page(response).one(id="id_parameter_AlarmTopicArn_error").text == sentence
    assert not Deployment.objects.exists()

    here = "arn:aws:sns:ap-northeast-1:123456789012:oncall"
    assert browser.post(URL, form | {"parameter_AlarmTopicArn": here}).status_code == 302


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"name": ""}, "id_name"),
        ({"name": "1st"}, "id_name"),
        ({"name": "with space"}, "id_name"),
        ({"name": "x" * 41}, "id_name"),
        ({"account": "4711"}, "id_account"),
        ({"reason": "x" * 201}, "id_reason"),
    ],
)
def test_an_invalid_name_account_or_reason_has_an_error_at_its_field(
    browser: Client, account: Account, wrong: dict[str, str], where: str
) -> None:
    response = browser.post(URL, filled(account, **wrong))

    assert response.status_code == 422
    assert page(response).one(id=f"{where}_error").text


def test_all_errors_are_displayed_at_once(browser: Client, account: Account) -> None:
    response = browser.post(URL, filled(account, name="1st", Count="9", Password="x"))

    links = page(response).one(role="alert").all("a")
    assert [link.text for link in links] == ["Name", "Servers · Count", "Database · Password"]


def test_a_taken_name_has_an_error_at_its_field(browser: Client, account: Account) -> None:
    make_environment("Staging", account=account, stack_id="arn:stack")

    response = browser.post(URL, filled(account))

    assert "already has an environment named Staging" in page(response).one(id="id_name_error").text


def test_an_environment_with_an_active_deployment_has_an_error_at_its_name(
    browser: Client, account: Account
) -> None:
    other = make_deployment(make_environment("staging", account=account))

    response = browser.post(URL, filled(account))

    error = page(response).one(id="id_name_error").text
    assert f"{other.requested_by} is creating staging (deployment {other.pk})." in error


def test_a_rejected_form_keeps_its_input_except_secrets(browser: Client, account: Account) -> None:
    form = filled(account, Count="9", Size="large", Zones="x\ny")

    response = browser.post(URL, form)

    shown = page(response)
    assert shown.one(id="id_name")["value"] == "staging"
    assert shown.one(id="id_reason")["value"] == "load test"
    assert field(shown, "Count")["value"] == "9"
    assert field(shown, "Zones").text == "x y"
    assert "selected" in field(shown, "Size").all("option")[1].attributes
    assert shown.one("input", name="request_key")["value"] == form["request_key"]
    assert "value" not in field(shown, "Password").attributes
    assert "a long secret" not in response.content.decode()
    (again,) = [link for note in shown.all(class_="note") for link in note.all("a")]
    assert again["href"] == "#id_parameter_Password"


def test_every_form_has_a_key_of_its_own(browser: Client, account: Account) -> None:
    keys = {page(browser.get(URL)).one("input", name="request_key")["value"] for _ in range(2)}

    assert len(keys) == 2


def test_a_failed_deployment_can_fill_the_form(browser: Client, account: Account) -> None:
    environment = make_environment("staging", account=account)
    values = {
        "Size": "large",
        "Count": "7",
        "Fast": "false",
        "Database": "old",
        "Zones": "z",
        "Certificate": "",
    }
    failed = make_deployment(environment, state="failed", parameters=values, reason="first try")

    shown = page(browser.get(URL, {"from": str(failed.pk)}))

    assert shown.one(id="id_name")["value"] == "staging"
    assert shown.one(id="id_reason")["value"] == "first try"
    assert field(shown, "Count")["value"] == "7"
    assert "selected" in field(shown, "Fast").all("option")[1].attributes
    assert "value" not in field(shown, "Password").attributes


@pytest.mark.parametrize("start", ["x", "4711", ""])
def test_an_unknown_deployment_leaves_the_form_empty(browser: Client, account: Account, start: str) -> None:
    assert browser.get(URL, {"from": start}).status_code == 200


def test_a_deployer_without_the_right_in_any_account_is_not_told_that_there_is_none(
    client: Client, account: Account
) -> None:
    environment = make_environment("shop", account=account)
    client.force_login(make_grant(make_user(), role="deployer", scope="environment", environment=environment))

    shown = page(client.get(URL)).one("main").text

    assert "No accounts yet" not in shown
    assert "You may not create environments in any account." in shown


def test_without_an_account_the_page_explains_how_to_add_one(browser: Client, operator: User) -> None:
    shown = page(browser.get(URL)).one("main")
    operator.is_superuser = operator.is_staff = True
    operator.save()
    for_an_administrator = page(browser.get(URL)).one("main")

    assert "No accounts yet" in shown.text
    assert "Ask an administrator" in shown.text
    assert for_an_administrator.all("a", class_="button")[0]["href"] == reverse("aws_account_new")


def test_the_error_of_a_broken_template_set_names_file_and_line(
    browser: Client, account: Account, template_set: Path
) -> None:
    (template_set / "root.yaml").write_text("Parameters: {Size: [")

    response = browser.get(URL)

    alert = page(response).one(role="alert")
    assert response.status_code == 503
    assert "root.yaml" in alert.text
    assert str(template_set) in alert.text
    assert not page(response).all("fieldset")


def test_a_prefix_without_templates_has_an_error_at_its_field(
    browser: Client, account: Account, settings: Any
) -> None:
    settings.SANSO_TEMPLATE_SET = settings.BASE_DIR / "tests" / "sandbox" / "article_set"
    form = {"account": str(account.pk), "name": "shop", "reason": "", "request_key": str(uuid.uuid4())}
    fields = template_files.load(settings.SANSO_TEMPLATE_SET).parameters
    form |= {f"parameter_{name}": parameter.initial or "" for name, parameter in fields.items()}
    form["parameter_DBPassword"] = "a long secret"

    response = browser.post(URL, form | {"parameter_Prefix": "shop"})

    described = page(response).one(id="id_parameter_Prefix")["aria-describedby"]
    sentences = " ".join(page(response).one(id=key).text for key in described.split())
    assert "need shop-alb.yaml, shop-aurora.yaml" in sentences
    assert not Environment.objects.exists()
    assert browser.post(URL, form | {"parameter_Prefix": "fa-094"}).status_code == 302


def test_texts_of_templates_are_escaped(browser: Client, account: Account, template_set: Path) -> None:
    text = (template_set / "root.yaml").read_text()
    (template_set / "root.yaml").write_text(
        text.replace("How big a server is.", "'<script>alert(1)</script>'")
    )

    assert "<script>alert" not in browser.get(URL).content.decode()


def test_the_bundled_form_is_completely_in_japanese(browser: Client, account: Account, settings: Any) -> None:
    settings.SANSO_TEMPLATE_SET = settings.BASE_DIR / "infra_templates"

    shown = page(browser.get(URL, headers={"Accept-Language": "ja"})).one("form", class_="form")

    texts = [
        label.text for label in (*shown.all("label"), *shown.all("legend"), *shown.all("p", class_="help"))
    ]
    assert len(texts) > 50
    assert not [text for text in texts if not re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", text)]


def test_an_invalid_request_key_creates_nothing(browser: Client, account: Account) -> None:
    response = browser.post(URL, filled(account, request_key="x"))

    assert response.status_code == 422
    assert not Environment.objects.exists()


RULES = """
Rules:
  Large:
    RuleCondition: !Equals [!Ref Fast, "true"]
    Assertions:
      - Assert: {"Fn::Contains": [[large], !Ref Size]}
        AssertDescription: Fast servers must be large.
  Pair:
    Assertions:
      - Assert: !Not [!Equals [!Ref Database, !Ref Password]]
        AssertDescription: The password must differ from the name of the database.
"""


def test_the_rules_of_the_template_are_checked_before_anything_is_requested(
    browser: Client, account: Account, template_set: Path
) -> None:
    root = template_set / "root.yaml"
    root.write_text(root.read_text() + RULES)

    response = browser.post(
        URL, filled(account, Size="small", Database="secretsecret", Password="secretsecret")
    )

    assert response.status_code == 422
    shown = page(response)
    assert "Fast servers must be large." in shown.one(class_="summary").text
    assert "The password must differ from the name of the database." in shown.one(class_="summary").text
    for name in ("Size", "Database", "Password"):
        assert field(shown, name)["aria-invalid"] == "true"
    assert not Deployment.objects.exists()

    assert browser.post(URL, filled(account, Size="large")).status_code == 302


ROLE = """
  Server:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {}}
"""


def test_a_set_with_a_role_without_boundary_is_refused_where_the_account_needs_it(
    browser: Client, template_set: Path
) -> None:
    root = template_set / "root.yaml"
    root.write_text(root.read_text().replace("Resources:", f"Resources:{ROLE}", 1))
    account = make_account("production", roles_need_boundary=True, boundary_arn=BOUNDARY)

    shown = page(browser.post(URL, filled(account)))

    problem = shown.one(id="id_account_error").text
    assert "no permissions boundary" in problem
    assert "(RolesNeedBoundary): Server." in problem
    assert "boundary_parameter" in problem
    assert "Server" in shown.one("div", class_="summary").text
    assert not Deployment.objects.exists()
    Account.objects.update(roles_need_boundary=False)
    assert browser.post(URL, filled(account)).status_code == 302


def test_an_account_that_needs_the_boundary_must_name_it(browser: Client, template_set: Path) -> None:
    root = template_set / "root.yaml"
    bounded = ROLE.replace("Document: {}", "Document: {}, PermissionsBoundary: {Ref: Boundary}")
    text = root.read_text().replace("Resources:", f"Resources:{bounded}", 1)
    declared = "\nParameters:\n  Boundary: {Type: String, Default: ''}"
    root.write_text(text.replace("\nParameters:", declared, 1))
    (template_set / "template-set.yaml").write_text("root: root.yaml\nboundary_parameter: Boundary\n")
    role = "arn:aws:iam::123456789012:role/sanso-portal"
    make_account("first", roles_need_boundary=True, role_arn=role)  # of the same AWS account
    account = make_account("second", role_arn=role)

    shown = page(browser.post(URL, filled(account)))

    assert "Enter BoundaryArn of the stack sanso-account" in shown.one(id="id_account_error").text
    Account.objects.filter(pk=account.pk).update(boundary_arn=BOUNDARY)
    assert browser.post(URL, filled(account)).status_code == 302
