"""In a browser: the mails of all hostile pages in a real Chromium, where nothing runs and nothing is asked for."""

import shutil
from typing import Final

import pytest
from playwright.sync_api import Route, sync_playwright

from dispatcher.contracts.errors import PageUnrenderable
from tests.workers.render.hostile.pages import PAGES
from tests.workers.render.hostile.test_hostile import mailed

pytestmark = pytest.mark.chromium
SETTLE_MS: Final = 20
SANDBOX: Final = "--no-sandbox"  # CI runs as root; nothing is reached from here


def mails() -> dict[str, str]:
    found = {}
    for name, page in PAGES.items():
        try:
            found[name] = mailed(page).html
        except PageUnrenderable:
            continue
    return found


def test_nothing_runs_and_nothing_is_fetched() -> None:
    asked: list[str] = []
    ran: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(f"{name}: {route.request.url}")
        route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[SANDBOX])
        page = browser.new_page()
        page.on("dialog", lambda dialog: (ran.append(f"{name}: dialog"), dialog.dismiss()))
        page.route("**/*", refuse)
        for name, html in mails().items():
            page.set_content(html, wait_until="commit")
            page.wait_for_timeout(SETTLE_MS)
            ran.extend([name] if page.evaluate("window.pwned") else [])
        browser.close()
    assert (ran, asked) == ([], [])


def test_the_browser_would_have_noticed() -> None:
    """The same watch over the raw pages sees many of them run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[SANDBOX])
        ran = 0
        for name in ("script", "svg onload", "handler onerror", "comment that ends oddly", "title", "xmp"):
            page = browser.new_page()
            page.route("**/*", lambda route: route.abort())
            page.set_content(PAGES[name].body, wait_until="commit")
            page.wait_for_timeout(10 * SETTLE_MS)
            ran += bool(page.evaluate("window.pwned"))
            page.close()
        browser.close()
    assert ran >= 4
