"""Bundles: a page's style sheet or script and all that it imports, at an address with the digest of both."""

from __future__ import annotations

import gzip
import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as project
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import Settings

from portal import bundles
from portal.bundles import NoBundleError, bundle

TEMPLATES = [
    path
    for app in ("portal", "deployments")
    for path in sorted((project.BASE_DIR / app).rglob("templates/**/*.html"))
]
IN_PAGES = sorted(
    {
        name
        for path in TEMPLATES
        for name in re.findall(r"{% bundle '([^']+\.(?:css|js))' %}", path.read_text())
    }
)

FONT = "portal/fonts/inter.woff2"


@pytest.fixture
def files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings
) -> Iterator[Callable[..., None]]:
    """Replace all static files by those that the test writes, and read them again each time."""

    def find(name: str) -> str | None:
        path = tmp_path / name
        return str(path) if path.exists() else None

    def write(**texts: str) -> None:
        for name, text in texts.items():
            (tmp_path / name.replace("_", ".")).write_text(text)

    monkeypatch.setattr("portal.bundles.finders.find", find)
    settings.DEBUG = True
    yield write
    bundles.kept_bundle.cache_clear()


@pytest.mark.parametrize("entry", IN_PAGES)
def test_a_bundle_has_every_file_that_a_browser_would_load(entry: str) -> None:
    """Each file is in it once, and after those that it imports."""
    found = bundle(entry).content.decode()
    order: list[str] = []

    def follow(name: str) -> None:
        path = Path(str(finders.find(name)))
        for other in re.findall(r'^(?:@import|import)\b.*"(.+)";$', path.read_text(), re.MULTILINE):
            follow(posixpath.normpath(posixpath.join(posixpath.dirname(name), other)))
        if name not in order:
            order.append(name)

    follow(entry)
    titles = [Path(str(finders.find(name))).read_text().splitlines()[0] for name in order]
    places = [found.index(title) for title in titles]
    assert len(order) > 1
    assert places == sorted(places)
    assert all(found.count(title) == 1 for title in titles)


def test_other_scripts_of_pages_import_nothing() -> None:
    """They would get copies of what the bundle has, such as a second list of keyboard shortcuts."""
    names = {
        name
        for path in TEMPLATES
        for name in re.findall(r"<script[^>]+{% static '([^']+\.js)' %}", path.read_text())
    }
    assert names
    for name in names:
        assert not re.search(r"^import\b", Path(str(finders.find(name))).read_text(), re.MULTILINE), name


def test_a_bundle_is_kept_by_browsers_and_compressed() -> None:
    wanted = bundle("portal/base.css")
    answer = Client().get(f"/static/{wanted.name}", headers={"Accept-Encoding": "gzip"})

    assert answer["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in answer["Cache-Control"]
    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content) == wanted.content
    assert Client().get(f"/static/{wanted.name}").content == wanted.content


@pytest.mark.parametrize("entry", ["portal/tokens.css", "portal/base.css", "deployments/deployment_page.css"])
def test_a_style_sheet_names_a_font_that_browsers_keep(entry: str) -> None:
    """The address is relative to that of the style sheet, wherever that is."""
    sheet = bundle(entry)
    (path,) = set(re.findall(r'url\("([^"]+)"\)', sheet.content.decode()))
    name = posixpath.normpath(posixpath.join(posixpath.dirname(sheet.name), path))
    answer = Client().get(f"/static/{name}", headers={"Accept-Encoding": "gzip"})

    assert name == bundle(FONT).name
    assert answer["Content-Type"] == "font/woff2"
    assert "immutable" in answer["Cache-Control"]
    assert "Content-Encoding" not in answer
    assert answer.content == Path(str(finders.find(FONT))).read_bytes()


def test_a_page_of_another_release_gets_the_current_bundle() -> None:
    answer = Client().get("/static/bundles/portal/base.0123456789ab.css")
    assert answer.content == bundle("portal/base.css").content
    assert answer["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "bundles/portal/nothing.0123456789ab.css",
        "bundles/portal/base.css",
        "bundles/admin/js/core.0123456789ab.js.txt",
        "bundles/../settings.0123456789ab.js",
    ],
)
def test_nothing_else_is_at_an_address_of_bundles(path: str) -> None:
    assert Client().get(f"/static/{path}").status_code != 200


def test_the_digest_follows_the_content(files: Callable[..., None]) -> None:
    files(a_css="p { color: red; }\n", b_css='@import "./a.css";\n')
    before = bundles.bundle("b.css").name
    files(a_css="p { color: blue; }\n")
    assert before != bundles.bundle("b.css").name


def test_without_debug_a_file_is_read_once(files: Callable[..., None], settings: Settings) -> None:
    settings.DEBUG = False
    files(a_css="p { color: red; }\n")
    before = bundles.bundle("a.css").name
    files(a_css="p { color: blue; }\n")
    assert before == bundles.bundle("a.css").name


def test_a_module_has_its_own_names(files: Callable[..., None]) -> None:
    files(
        a_js='import { go } from "./b.js";\nimport * as c from "./c.js";\nconst body = 1;\ngo(c);\n',
        b_js='import "./c.js";\nconst body = 2;\nexport function go() { return body; }\n',
        c_js="export class Shared {}\nexport async function load() {}\n",
    )
    found = bundles.bundle("a.js").content.decode()

    assert found.index("class Shared") < found.index("const body = 2") < found.index("const body = 1")
    assert "const { go } = module_b_js;\nconst c = module_c_js;" in found
    assert "return { Shared, load };" in found
    assert found.count("class Shared") == 1


@pytest.mark.parametrize(
    "text",
    [
        'import { a as b } from "./b.js";',
        'import one from "./b.js";',
        "export default 1;",
        "export const a = 1;",
        'import "./missing.js";',
        'import "./a.js";',
    ],
)
def test_what_a_bundle_cannot_keep_is_refused(files: Callable[..., None], text: str) -> None:
    files(a_js=f"{text}\n", b_js="\n")
    with pytest.raises(NoBundleError):
        bundles.bundle("a.js")
