"""Dashboard: makes the pictures of docs/dashboard.md anew: `.venv/bin/python -m tests.looks.dashboard`. An hour of counts is made up."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright
from redis import Redis

from tests.house.groups import found
from tests.system.door import SIMULATOR
from tests.system.running_stack import running_stack
from tests.system.submissions import changed, submission

FOLDER: Final = Path(__file__).parents[2] / "docs" / "looks"
FAILING: Final = {"recipient_unknown": 9, "auth_rejected": 7, "greylisted": 6, "tls_cert_untrusted": 5}


def made_up(minute: int) -> Iterator[tuple[str, int]]:
    """Of a working day that goes up and down; a provider has trouble for ten minutes."""
    wave = 60 + round(40 * math.sin(minute / 9)) + minute % 7
    trouble = 12 <= minute < 22
    for name, number in FAILING.items():
        yield f"failed|{name}", number if minute % 3 or trouble else 0
    yield "failed|connect_timeout", 38 if trouble else 0
    failed = sum(number for number in FAILING.values() if minute % 3 or trouble) + 38 * trouble
    yield from (("accepted|interactive", wave + failed), ("ended|interactive|sent", wave), ("ended|interactive|failed", failed))
    yield from (("again|greylisted", minute % 5), ("again|connect_timeout", 21 * trouble), ("ended|bulk|expired", int(minute == 15)))
    for kind, buckets in (("wait", (50, 30, 9, 3)), ("send", (8, 60, 22, 6, 2)), ("total", (2, 41, 36, 14, 5, 1))):
        yield from ((f"{kind}|{bucket}", number) for bucket, number in enumerate(buckets, start=1))


def plant(redis: "Redis") -> None:
    this = redis.time()[0] // 60
    for back in range(1, 60):
        redis.hset(f"bp:met:m:{this - back}", mapping={name: number for name, number in made_up(back) if number})


def main() -> None:
    with running_stack("--workers", "2", simulator=True) as stack, sync_playwright() as playwright:
        with stack.redis() as redis:
            plant(redis)
        pause = {"scope": "lane:bulk", "reason": "A newsletter waits until the evening.", "minutes": 90}
        stack.admin().ask("POST", "/v1/admin/pauses", json.dumps(pause).encode(), Content_Type="application/json")
        for number in range(45):
            stack.client().post(changed(submission(SIMULATOR, "ok@example.org"), ("/lane", "bulk" if number % 3 == 0 else "interactive")))
        browser = playwright.chromium.launch(executable_path=found("chromium"), args=["--no-sandbox"])
        for width, scheme in ((1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(f"{stack.facts['admin']}/admin/")
            page.get_by_label("API key").fill(stack.facts["admin_key"])
            page.get_by_role("button", name="Sign in").click()
            page.get_by_text("Live. All times are UTC.").wait_for()
            page.screenshot(path=FOLDER / f"dashboard-{width}-{scheme}.png", full_page=True)
            page.context.close()
        browser.close()


if __name__ == "__main__":
    main()
