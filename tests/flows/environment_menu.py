"""The menu in the header of an environment's page."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def open_menu(page: Page, *, by_keyboard: bool = False) -> None:
    """Open the menu unless it is open."""
    menu = page.locator("#actions")
    expect(menu).to_be_attached()
    if menu.get_attribute("open") is not None:
        return
    button = menu.locator("> summary")
    if by_keyboard:
        button.press("Enter")
    else:
        button.click()
    expect(menu).to_have_attribute("open", "")


def choose(page: Page, key: str, *, by_keyboard: bool = False) -> None:
    """Choose the action with an id, which is in the menu, once it is possible."""
    open_menu(page, by_keyboard=by_keyboard)
    action = page.locator(f"#actions #{key}:is(a, button:enabled)")
    if by_keyboard:
        action.press("Enter")
    else:
        action.click()
