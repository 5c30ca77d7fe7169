"""The dashboard in Chromium: by mouse and by keys, light and dark, wide and narrow, with and without script; nothing foreign is loaded."""

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

pytest.importorskip("playwright")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from dispatcher.contracts.advice import ADVICE
from dispatcher.contracts.outcome import FailureClass
from dispatcher.contracts.reader_key import new_pair
from tests.house.groups import found
from tests.system.door import SIMULATOR, listed, paused
from tests.system.running_stack import RunningStack, running_stack
from tests.system.submissions import submission

pytestmark = pytest.mark.chromium
LOOKS: Final = [(width, scheme) for width in (1440, 390) for scheme in ("light", "dark")]
EACH: Final = 6  # fewer of a kind would be hidden
FAILING: Final = {
    "bounce": "recipient_unknown",
    "authfail": "auth_rejected",
    "signless": "auth_required",
    "tls": "tls_cert_untrusted",
    "unknown": "outcome_unknown",
    "forbidden": "host_forbidden",
}
BOUNDS: Final = {"posts_per_minute": 100_000, "posts_burst": 10_000, "open_jobs": 10_000, "account_connections": 20, "tenant_jobs": 40}
REASON: Final = "Their server is being moved."
ENTRIES: Final = [f'<details id="{name}"><summary id="{name}-head">{name}</summary></details>' for name in "ab"]
WIDE: Final = f'<div id="w" class="wide" tabindex="0">{"x" * 500}</div>'
EXCESS: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LISTEN: Final = """
addEventListener("securitypolicyviolation", event => {
  const seen = JSON.parse(sessionStorage.getItem("seen") || "[]")
  sessionStorage.setItem("seen", JSON.stringify([...seen, `${event.violatedDirective} ${event.blockedURI}`]))
})
"""


@pytest.fixture(scope="module")
def service() -> Iterator[RunningStack]:
    with running_stack("--workers", "1") as started:
        yield started


@pytest.fixture(scope="module")
def failing() -> Iterator[RunningStack]:
    """A service whose accounts do not get in each other's way."""
    with running_stack("--workers", "1", simulator=True, **BOUNDS) as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def watched(browser: Browser, service: RunningStack, width: int, scheme: Any, **options: Any) -> Iterator[Page]:  # noqa: ANN401 -- playwright's own
    """A page that asks for nothing of another origin, and breaks no rule of its own policy."""
    asked: list[str] = []
    with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options) as context:
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.add_init_script(LISTEN)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{service.facts['admin']}/admin/")
        yield page
        broken = page.evaluate("sessionStorage.getItem('seen')") if options.get("java_script_enabled", True) else None
    assert (broken, [url for url in asked if not url.startswith(service.facts["admin"])]) == (None, [])


def sign_in(page: Page, service: RunningStack) -> None:
    page.get_by_label("API key").fill(service.facts["admin_key"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Sign in")


def pause_and_resume(page: Page, service: RunningStack) -> None:
    page.goto(f"{service.facts['admin']}/admin/actions")
    page.get_by_label("What").select_option("lane:bulk")
    page.get_by_label("Why").fill(REASON)
    page.get_by_label("For so many minutes").fill("5")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text(REASON)).to_be_visible()
    assert listed(service.admin()) == ["lane:bulk"]
    page.get_by_role("button", name="Resume lane:bulk").click()
    expect(page.get_by_text("Nothing is paused.")).to_be_visible()
    assert listed(service.admin()) == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_an_operator_signs_in_pauses_resumes_and_signs_out(browser: Browser, service: RunningStack, width: int, scheme: str) -> None:
    with watched(browser, service, width, scheme) as page:
        assert page.evaluate(EXCESS) == 0
        sign_in(page, service)
        pause_and_resume(page, service)
        assert page.evaluate(EXCESS) == 0
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def open_debug_session(service: RunningStack) -> None:
    wanted = {"ttl_seconds": 60, "public_key": b64encode(new_pair()[0]).decode()}
    answer = service.client().ask("POST", "/v1/debug-sessions", json.dumps(wanted).encode(), Content_Type="application/json")
    assert answer.status == 201


def test_a_pool_is_drained_and_a_debug_session_counts_down_until_it_is_ended(browser: Browser, service: RunningStack) -> None:
    open_debug_session(service)
    with watched(browser, service, 1440, "light") as page:
        sign_in(page, service)
        left = page.get_by_text("Debug sessions: 1 open; to go: ")
        before = left.inner_text()
        expect(left).not_to_have_text(before)
        page.get_by_role("link", name="Pause, resume, or end a session").click()
        page.get_by_label("What").select_option("pool:interactive+bulk")
        page.get_by_label("Why").fill(REASON)
        page.get_by_label("For so many minutes").fill("5")
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("button", name="End the debug session").click()
        expect(page.get_by_text("None is open.")).to_be_visible()
        page.get_by_role("link", name="Back to the dashboard").click()
        expect(page.get_by_role("row", name="interactive+bulk").get_by_role("cell").last).to_contain_text("UTC")
        expect(page.get_by_text("No debug session is open.")).to_be_visible()
        page.get_by_role("link", name="Pause, resume, or end a session").click()
        page.get_by_role("button", name="Resume pool:interactive+bulk").click()
        expect(page.get_by_text("Nothing is paused.")).to_be_visible()


def test_everything_works_without_script(browser: Browser, service: RunningStack) -> None:
    with watched(browser, service, 390, "light", java_script_enabled=False) as page:
        sign_in(page, service)
        expect(page.locator("[data-figure=accepted]")).to_be_visible()
        expect(page.get_by_role("heading", name="Workers")).to_be_visible()
        assert page.locator("noscript meta[http-equiv=refresh]").count() == 1  # it is drawn anew by itself
        pause_and_resume(page, service)


def test_everything_works_by_keys_alone(browser: Browser, service: RunningStack) -> None:
    with watched(browser, service, 1440, "dark") as page:
        expect(page.get_by_label("API key")).to_be_focused()
        page.keyboard.type(service.facts["admin_key"])
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).not_to_have_text("Sign in")
        page.goto(f"{service.facts['admin']}/admin/actions?scope=lane:bulk")
        tab_to(page, "What")
        tab_to(page, "Why")
        page.keyboard.type(REASON)
        tab_to(page, "For so many minutes")
        page.keyboard.type("5")
        page.keyboard.press("Enter")
        expect(page.get_by_text(REASON)).to_be_visible()
        tab_to(page, "Resume lane:bulk")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Nothing is paused.")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_burst_of_six_kinds_of_failure_appears_by_itself(browser: Browser, failing: RunningStack, width: int, scheme: str) -> None:
    with watched(browser, failing, width, scheme) as page:
        sign_in(page, failing)
        client, before = failing.client(), int(page.locator("[data-figure=accepted]").inner_text())
        for kind in FAILING:
            for _ in range(EACH):
                client.submit(mail_that_fails(kind))
        expect(page.locator("[data-figure=accepted]")).to_have_text(str(before + EACH * len(FAILING)), timeout=15_000)
        for name in FAILING.values():
            expect(page.locator(f"#advice-{name}")).to_be_visible(timeout=15_000)
        page.locator("#advice-auth_rejected summary").click()
        expect(page.get_by_text(ADVICE[FailureClass.AUTH_REJECTED])).to_be_visible()
        client.submit(mail_that_fails("bounce"))
        expect(page.locator("[data-figure=accepted]")).to_have_text(str(before + EACH * len(FAILING) + 1), timeout=15_000)
        expect(page.get_by_text(ADVICE[FailureClass.AUTH_REJECTED])).to_be_visible()  # it stays open
        pause_and_resume(page, failing)
        assert page.evaluate(EXCESS) == 0


def test_what_changes_can_be_held_and_goes_on(browser: Browser, service: RunningStack) -> None:
    with watched(browser, service, 1440, "light") as page:
        sign_in(page, service)
        state, accepted = page.locator("#live-state"), page.locator("[data-figure=accepted]")
        expect(state).to_have_text("Live. All times are UTC.")
        page.get_by_role("button", name="Hold").click()
        before = int(accepted.inner_text())
        service.client().submit(submission(SIMULATOR, "ok@example.org"))
        page.wait_for_timeout(3_000)
        assert (state.inner_text(), accepted.inner_text()) == ("Held; what you see is older.", str(before))
        page.get_by_role("button", name="Go on").click()
        expect(accepted).to_have_text(str(before + 1))
        expect(state).to_have_text("Live. All times are UTC.")


def test_a_planned_end_of_the_stream_is_no_loss(browser: Browser, service: RunningStack) -> None:
    with watched(browser, service, 1440, "light") as page:
        sign_in(page, service)
        state = page.locator("#live-state")
        expect(state).to_have_text("Live. All times are UTC.")
        page.evaluate("said.textContent = 'silent so far'; stream.dispatchEvent(new MessageEvent('again'))")
        expect(state).to_have_text("Live. All times are UTC.")
        assert page.evaluate("[stream.readyState, said.className]") == [1, "hint"]


def test_focus_and_place_are_kept_when_a_panel_is_drawn_anew_in_another_order(browser: Browser, service: RunningStack) -> None:
    with watched(browser, service, 390, "light") as page:
        sign_in(page, service)
        page.get_by_role("button", name="Hold").click()
        page.evaluate(f"put(document.getElementById('panel-failures'), `{ENTRIES[0] + ENTRIES[1]}{WIDE}`)")
        page.evaluate("document.getElementById('b-head').focus(); document.getElementById('w').scrollLeft = 70")
        page.evaluate(f"put(document.getElementById('panel-failures'), `{ENTRIES[1] + ENTRIES[0]}{WIDE}`)")
        assert page.evaluate("[document.activeElement.id, document.getElementById('w').scrollLeft]") == ["b-head", 70]


def mail_that_fails(kind: str) -> dict[str, Any]:
    """Each kind with an account of its own: one that was refused a sign-in is left alone for a while."""
    account: dict[str, Any] = {"host": "localhost" if kind == "forbidden" else "simulator", "port": 587, "tls": "starttls"}
    if kind not in {"signless", "forbidden"}:
        account["auth"] = {"kind": "password", "user": kind, "password": "secret"}
    found: dict[str, Any] = submission(account, f"{'authfail' if kind == 'signless' else kind}@example.org")
    return found


def tab_to(page: Page, name: str) -> None:
    """On to what is called so; whatever has the focus on the way there can be seen to have it."""
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== 'none'")
        if page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).textContent") == name:
            return
    pytest.fail(f"no way to {name}")


def test_what_is_wrong_is_told_where_it_is(browser: Browser, service: RunningStack) -> None:
    with watched(browser, service, 390, "light") as page:
        page.get_by_label("API key").fill("mistyped")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("This is not an API key that may administer from here.")
        expect(page.get_by_label("API key")).to_have_value("")
        sign_in(page, service)
        page.goto(f"{service.facts['admin']}/admin/actions")
        page.get_by_label("What").select_option("all")
        page.get_by_label("Why").fill(REASON)
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_label("Or until (UTC)")).to_have_accessible_description(
            "One of the two; 24 hours at most. Say for how many minutes, or until when: a time to come, within 24 hours."
        )
        expect(page.get_by_label("Why")).to_have_value(REASON)
        assert (page.get_by_label("What").input_value(), page.evaluate(EXCESS)) == ("all", 0)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_screen_reader_finds_its_way(browser: Browser, service: RunningStack, width: int, scheme: Any) -> None:  # noqa: ANN401 -- playwright's own
    with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True) as context:
        assert violations(context, f"{service.facts['admin']}/admin/sign-in") == []
        sign_in(context.pages[0], service)
        for path in ("/admin/", "/admin/actions"):
            assert violations(context, f"{service.facts['admin']}{path}") == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_screen_reader_finds_its_way_when_much_is_wrong(browser: Browser, failing: RunningStack, width: int, scheme: Any) -> None:  # noqa: ANN401 -- playwright's own
    """Failures with advice, a pause, a debug session, and a form that was filled in wrongly."""
    for kind in FAILING:
        for _ in range(EACH):
            failing.client().submit(mail_that_fails(kind))
    open_debug_session(failing)
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "bypass_csp": True}
    with paused(failing, "lane:bulk"), browser.new_context(**options) as context:
        page = context.new_page()
        page.goto(f"{failing.facts['admin']}/admin/")
        sign_in(page, failing)
        for name in FAILING.values():
            expect(page.locator(f"#advice-{name}")).to_be_visible(timeout=15_000)
        page.get_by_role("button", name="Hold").click()
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        for shown in ("Debug sessions: 1 open; to go: ", "lane:bulk", "so far"):
            expect(page.get_by_text(shown).first).to_be_visible()
        assert (page.locator("rect.partial").count() > 0, found_by_axe(page)) == (True, [])
        page.goto(f"{failing.facts['admin']}/admin/actions")
        page.get_by_label("What").select_option("pool:bulk")
        page.get_by_label("Why").fill(REASON)
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("alert")).to_have_text("Nothing was paused.")
        assert found_by_axe(page) == []
        page.get_by_role("button", name="End the debug session").click()
        expect(page.get_by_text("None is open.")).to_be_visible()


def violations(context: BrowserContext, url: str) -> list[str]:
    page = context.pages[0] if context.pages else context.new_page()
    page.goto(url)
    return found_by_axe(page)


def found_by_axe(page: Page) -> list[str]:
    """Its script is not ours, so it comes in beside the policy."""
    return [f"{rule['id']}: {node['html']}" for rule in Axe().run(page).response["violations"] for node in rule["nodes"]]
