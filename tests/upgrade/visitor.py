"""A user of the portal over HTTP: logs in, fills in the forms of pages and sends them."""

from __future__ import annotations

import re

import httpx

from tests.pages.pages import Element, page

NO_VALUE = {"submit", "button", "reset", "file", "image"}


class Refused(Exception):
    """The portal rejected a request; the message is from its page."""


class Visitor:
    """One session at a portal. Pages are requested in English."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(
            base_url=url,
            follow_redirects=True,
            timeout=60,
            trust_env=False,
            headers={"Accept-Language": "en"},
        )

    def log_in(self, username: str, password: str) -> None:
        """Log in. Raise Refused if the portal rejects the login."""
        self.send("/login/", username=username, password=password)
        if not self.http.cookies.get("sessionid"):
            raise Refused(f"{username} is not logged in")

    def get(self, path: str) -> httpx.Response:
        """Return a page. Raise Refused for any other status than 200."""
        answer = self.http.get(path)
        if answer.status_code != 200:
            raise Refused(f"{path}: {answer.status_code} {page(answer).text[:300]}")
        return answer

    def send(self, path: str, *, to: str = "", **values: str | list[str]) -> httpx.Response:
        """Fill in the form of a page that posts to `to` (or to the page itself) and send it.

        Fields that `values` does not name keep their values; "" clears a field or box. Return the page that
        follows. Raise Refused if the portal shows the form again.
        """
        form = self._form(path, to)
        fields = filled(form) | {name.replace("__", "-"): value for name, value in values.items()}
        sent = {name: value for name, value in fields.items() if value != ""}
        address = form.attributes.get("action") or path
        answer = self.http.post(address, data=sent, headers={"Referer": f"{self.http.base_url}"})
        if answer.status_code != 200:
            raise Refused(f"{address}: {answer.status_code} {page(answer).text[:2000]}")
        problems = page(answer).all(class_="errornote")
        if problems:
            raise Refused(f"{address}: {problems[0].text} {page(answer).all(class_='errorlist')[0].text}")
        return answer

    def _form(self, path: str, to: str) -> Element:
        forms = [
            form
            for form in page(self.get(path)).all("form")
            if form.attributes.get("method", "").lower() == "post"
            and "language" not in form.attributes.get("action", "")
            and "logout" not in form.attributes.get("action", "")
        ]
        found = [form for form in forms if not to or to in form.attributes.get("action", "")]
        if not found:
            raise Refused(f"{path} has no form that posts to {to or 'itself'}")
        return next((form for form in found if form.attributes.get("action") == to), found[0])


def filled(form: Element) -> dict[str, str | list[str]]:
    """Return the values that a browser would send for an unchanged form."""
    values: dict[str, str | list[str]] = {}
    for field in form.all("input"):
        kind, name = field.attributes.get("type", "text"), field.attributes.get("name", "")
        unchecked = kind in ("checkbox", "radio") and "checked" not in field.attributes
        if name and kind not in NO_VALUE and not unchecked:
            values[name] = field.attributes.get("value", "on" if kind == "checkbox" else "")
    for field in form.all("textarea"):
        values[field["name"]] = field.text
    for field in form.all("select"):
        options = field.all("option")
        chosen = [value_of(option) for option in options if "selected" in option.attributes]
        if "multiple" in field.attributes:
            values[field["name"]] = chosen
        elif options:
            values[field["name"]] = chosen[0] if chosen else value_of(options[0])
    return values


def value_of(option: Element) -> str:
    return option.attributes.get("value", option.text)


def number_in(answer: httpx.Response, kind: str) -> int:
    """Return the number of the deployment or environment of a page, by its address."""
    found = re.search(rf"/{kind}/(\d+)/", str(answer.url))
    if found is None:
        raise Refused(f"{answer.url} is not the page of one of the {kind}: {page(answer).text[:2000]}")
    return int(found[1])
