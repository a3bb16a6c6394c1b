"""Take every screen, light and dark, wide and narrow, in each language, into a folder with an index."""

from __future__ import annotations

import html
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Literal

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    Route,
    ViewportSize,
    sync_playwright,
)

from tests.axe import primary_buttons
from tests.browsers import close, open_chromium
from tests.receiver import receiving
from tests.screens.catalog import ERROR_PAGES, FRESH, IN_README, LIVE, SCREENS, Screen
from tests.screens.scene import PASSWORD, Scene
from tests.services import REPOSITORY

FOLDER = REPOSITORY / ".screens"
IMAGES = REPOSITORY / "docs" / "images"
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
SIZES = {"wide": ViewportSize(width=1440, height=900), "narrow": ViewportSize(width=390, height=844)}
LANGUAGES = {"en": "en-US", "ja": "ja-JP"}
TALLEST = 4000
ZONE = "Asia/Tokyo"
STYLE = (
    "body { font: 13px sans-serif } figure { display: inline-block; margin: 8px }"
    "img { height: 320px; display: block; border: 1px solid #999 }"
)
SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@contextmanager
def camera(base: str, rows: dict[str, int]) -> Iterator[Camera]:
    """Open a browser; at the end write the index of the screens and print the problems."""
    with sync_playwright() as playwright:
        browser = open_chromium(playwright)
        found = Camera(browser, base, rows)
        try:
            yield found
        finally:
            close(browser)
            (FOLDER / "index.html").write_text(index(found.taken, found.problems))
            print(f"{len(found.taken)} screens: {FOLDER / 'index.html'}", *found.problems, sep="\n")  # noqa: T201


@dataclass
class Camera:
    """Takes screens as each person, and collects the problems of each screen."""

    browser: Browser
    base: str
    rows: dict[str, int]
    contexts: dict[tuple[str, str], BrowserContext] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def take(self, screens: Iterable[Screen]) -> None:
        """Take screens in every language, theme and size."""
        for screen in screens:
            began = time.monotonic()
            for language in LANGUAGES:
                try:
                    self._take(screen, language)
                except Error as problem:
                    self.problems.append(f"{screen.name} {language}: {str(problem).splitlines()[0]}")
            print(f"{screen.name} ({time.monotonic() - began:.0f} s)", flush=True)  # noqa: T201

    def _take(self, screen: Screen, language: str) -> None:
        arguments = {name: self.rows.get(row, 0) for name, row in (screen.given or {}).items()}
        page = self._context(screen.who, language).new_page()
        try:
            response = page.goto(self.base + reverse(screen.route, kwargs=arguments) + screen.query)
            if response and (response.status >= 400) != (screen.is_refused or screen.name.isdecimal()):
                self.problems.append(f"{screen.name} {language}: {response.status}")
            if screen.step and language == "en":
                screen.step(page)
            self._pictures(page, screen.name, language, is_whole=screen.is_whole)
            if language == "en" and screen.name in IN_README:
                page.set_viewport_size(SIZES["wide"])
                page.emulate_media(color_scheme="light")
                page.screenshot(path=IMAGES / IN_README[screen.name])
        finally:
            page.close()

    def _pictures(self, page: Page, name: str, language: str, *, is_whole: bool = True) -> None:
        page.wait_for_load_state("load")
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            if page.evaluate(SIDEWAYS):
                self.problems.append(f"{name} {language} {size}: scrolls sideways")
            if len(primary := primary_buttons(page)) > 1:
                self.problems.append(f"{name} {language} {size}: {len(primary)} primary buttons: {primary}")
            if is_whole:  # a window as tall as the page, since rows outside of it are not painted
                tall = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
                page.set_viewport_size({"width": viewport["width"], "height": max(tall, viewport["height"])})
            for theme in THEMES:
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                file = f"{name}.{language}.{size}.{theme}.png"
                page.screenshot(path=FOLDER / file)
                self.taken.append(file)

    def take_errors(self) -> None:
        """Take the pages of errors, from their templates."""
        for name in ERROR_PAGES:
            for language in LANGUAGES:
                with translation.override(language):
                    text = render_to_string(f"{name}.html", {"reference": "5f1c0e7ab2"})
                page = self._context("", language).new_page()
                page.route("**/error-page", partial(_answer, text))
                page.goto(f"{self.base}/error-page")
                self._pictures(page, name, language)
                page.close()

    def _context(self, who: str, language: str) -> BrowserContext:
        if (who, language) not in self.contexts:
            context = self.browser.new_context(
                viewport=SIZES["wide"], locale=LANGUAGES[language], timezone_id=ZONE
            )
            context.set_default_timeout(120_000)
            self.contexts[who, language] = context
            if who:
                self._log_in(context.new_page(), who)
        return self.contexts[who, language]

    def _log_in(self, page: Page, who: str) -> None:
        page.goto(f"{self.base}/login/")
        page.locator("input[name=username]").fill(who)
        page.locator("input[name=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/environments/")
        page.close()


def _answer(body: str, route: Route) -> None:
    route.fulfill(body=body, content_type="text/html; charset=utf-8")


def index(files: Iterable[str], problems: Iterable[str]) -> str:
    """Return a page with all images and their problems."""
    pictures = "".join(
        f'<figure><a href="{file}"><img src="{file}" loading="lazy" alt=""></a>'
        f"<figcaption>{file.removesuffix('.png')}</figcaption></figure>"
        for file in map(html.escape, files)
    )
    wrong = "".join(f"<li>{html.escape(problem)}</li>" for problem in problems)
    head = f"<!DOCTYPE html><meta charset=utf-8><title>Screens</title><style>{STYLE}</style>"
    return f"{head}<ul>{wrong}</ul>{pictures}"


def main(base: str, work: Path) -> int:
    """Take all screens of an unused portal; return the number of problems."""
    IMAGES.mkdir(exist_ok=True)
    with receiving() as receiver:
        scene = Scene(work, receiver)
        scene.fresh()
        with camera(base, scene.pks) as found:
            found.take(FRESH)
            scene.build()
            found.take(SCREENS)
            found.take_errors()
            scene.live()
            found.take(LIVE)
    return len(found.problems)
