"""View: what the panels say of a reading; nothing that is said needs a script, a style attribute, or somebody's name."""

import re
from collections import Counter
from dataclasses import replace

import pytest

from dispatcher.contracts.counts import Counts, Histogram
from dispatcher.contracts.outcome import FailureClass
from dispatcher.contracts.pauses import Pause
from dispatcher.contracts.records import POOLS
from dispatcher.contracts.standing import Pool, Standing, Waiting
from dispatcher.dashboard.charts import LEFT, WIDTH
from dispatcher.dashboard.pages import moment
from dispatcher.dashboard.reading import Reading
from dispatcher.dashboard.view import PANELS, panels
from dispatcher.doctor.findings import Finding, green, red, yellow

MINUTE = 60_000
NOW = 1_795_000_000_000
QUIET = Standing(NOW, {"interactive": Waiting(), "bulk": Waiting()}, tuple(Pool(name) for name in POOLS))
BUSY = Standing(
    NOW,
    {"interactive": Waiting(12, 754_000, 7), "bulk": Waiting(5, 3_200)},
    (Pool("interactive"), Pool("bulk"), Pool("interactive+bulk", 2, 200, 7, ("0.1.0",), 400, NOW + MINUTE)),
    payload_bytes=40_960,
    at_rest=1_203,
    resting=Counter({"connect_refused": 2, "auth_rejected": 1}),
    debug_ends=(NOW + 5 * MINUTE, NOW + 20 * MINUTE),
)
HAPPENED = Counts(
    accepted=Counter({"interactive": 90, "bulk": 10}),
    ended=Counter({("interactive", "sent"): 70, ("bulk", "sent"): 5, ("interactive", "failed"): 9, ("interactive", "partial"): 2}),
    failures=Counter({"auth_rejected": 9}),
    retries=Counter({"greylisted": 3}),
    wait=Histogram((90, 10) + (0,) * 9, 5.0),
    send=Histogram((0, 80, 4) + (0,) * 8, 30.0),
    total=Histogram((0, 50, 34) + (0,) * 8, 60.0),
)


def reading(
    window: str = "1h",
    stands: Standing = QUIET,
    happened: Counts | None = None,
    pauses: tuple[Pause, ...] = (),
    findings: tuple[Finding, ...] = (),
) -> Reading:
    number, step = {"1h": (60, MINUTE), "24h": (24, 60 * MINUTE), "7d": (168, 60 * MINUTE)}[window]
    steps = [(NOW - place * step, Counts()) for place in range(number - 1, -1, -1)]
    steps[-1] = (steps[-1][0], happened or Counts())
    return Reading(window, stands, steps, pauses, findings)


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("window", ["1h", "24h", "7d"])
def test_a_quiet_service_is_shown_whole(window: str) -> None:
    drawn = panels(reading(window))
    assert list(drawn) == ["since", *(f"panel-{name}" for name in PANELS)]
    assert "No worker gives a sign of life." in text(drawn["panel-pools"])
    since = moment(reading(window).steps[0][0])
    assert text(drawn["since"]) == f"Since {since}."
    assert text(drawn["panel-failures"]) == f"No mail failed since {since}."
    assert "Nothing is paused. No mail account is left alone. No debug session is open." in text(drawn["panel-stopped"])


def test_figures_are_those_of_the_window() -> None:
    drawn = "".join(panels(reading(happened=HAPPENED, stands=BUSY)).values())
    figures = dict(re.findall(r'data-figure="(\w+)">(\d+)<', drawn))
    assert figures == {
        "waiting": "17",
        "accepted": "100",
        "sent": "75",
        "partial": "2",
        "failed": "9",
        "expired": "0",
        "canceled": "0",
        "unknown": "0",
        "retries": "3",
    }


def test_a_busy_service_tells_what_waits_works_rests_and_is_watched() -> None:
    pause = Pause("lane:bulk", 'Their <b>server</b> "moves"', "abcdefgh", NOW + MINUTE)
    drawn = panels(reading(stands=BUSY, happened=HAPPENED, pauses=(pause,)))
    assert "interactive 12 7 13 min bulk 5 0 3.2 s" in text(drawn["panel-now"])
    assert "interactive+bulk 2 7 200 0.1.0 0.4 s ago 2026-" in text(drawn["panel-pools"])
    assert "1203 mail accounts, left alone for a while because of auth_rejected, connect_refused" in text(drawn["panel-stopped"])
    assert "2 open; to go: 5 min 00 s, 20 min 00 s." in text(drawn["panel-stopped"])
    assert "<b>" not in drawn["panel-stopped"]
    assert "auth_rejected 9" in text(drawn["panel-failures"])


def test_what_is_left_of_each_debug_session_falls_with_every_tick() -> None:
    def told(later_ms: int) -> str:
        said = text(panels(reading(stands=replace(BUSY, now_ms=NOW + later_ms)))["panel-stopped"])
        return said.partition("to go: ")[2].partition(".")[0]

    assert [told(later) for later in (1_000, 3_000)] == ["4 min 59 s, 19 min 59 s", "4 min 57 s, 19 min 57 s"]
    assert told(5 * MINUTE - 9_000) == "9 s, 15 min 09 s"
    assert told(5 * MINUTE + 9_000) == "0 s, 14 min 51 s"


def test_times_are_told_as_marks_and_in_numbers() -> None:
    drawn = panels(reading(happened=HAPPENED))["panel-times"]
    assert (drawn.count("mark50"), drawn.count("mark95"), drawn.count("mark99")) == (3, 3, 3)
    assert "waiting 0.1 s 0.2 s 0.3 s one message 0.2 s 0.3 s 0.9 s in all 0.3 s 0.9 s 1.0 s" in text(drawn)


def test_a_time_that_was_not_measured_is_told_as_over_the_last_bound() -> None:
    total = Histogram((0,) * 9 + (60, 40), 9e5)
    assert "in all 53 min over 1 h over 1 h" in text(panels(reading(happened=Counts(total=total)))["panel-times"])
    measured = Histogram((0,) * 9 + (100, 0), 9e5)
    assert "over 1 h" not in text(panels(reading(happened=Counts(total=measured)))["panel-times"]).partition("Time p50")[2]


def test_a_rate_is_told_of_minutes_that_are_over_and_not_of_hours() -> None:
    steps = list(reading().steps)
    for place in (-12, -2, -1):  # one is too old, one is running
        steps[place] = (steps[place][0], HAPPENED)
    told = text(panels(Reading("1h", QUIET, steps, (), []))["panel-now"])
    assert "Sent a minute 7.5 Failed or partial a minute 1.1" in told
    assert "a minute" not in text(panels(reading("24h", happened=HAPPENED))["panel-now"])


def test_what_is_drawn_over_time_is_what_the_table_below_says() -> None:
    drawn = panels(reading(happened=HAPPENED))
    assert "Minute accepted sent failed or partial" in text(drawn["panel-mails"])
    assert text(drawn["panel-mails"]).endswith("100 75 11")
    assert "Minute retries expired" in text(drawn["panel-again"])
    assert text(drawn["panel-again"]).endswith("3 0")
    lines = [
        [float(point.partition(",")[2]) for point in line.split(" ")] for line in re.findall(r'points="([^"]+)"', drawn["panel-mails"])
    ]
    assert [(len(line), len(set(line[:-1])), line[-1] < line[0]) for line in lines] == [(60, 1, True)] * 3


@pytest.mark.parametrize(("window", "pace"), [("1h", "minute by minute"), ("7d", "hour by hour")])
def test_what_is_drawn_over_time_says_in_which_steps(window: str, pace: str) -> None:
    drawn = panels(reading(window, happened=HAPPENED))
    assert f"Mails {pace}: accepted, sent, and failed or partial" in text(drawn["panel-mails"])
    assert f"By class, {pace}. Partial and expired jobs are among them." in text(drawn["panel-failures"])
    assert f"Retries and expired jobs, {pace}" in text(drawn["panel-again"])


@pytest.mark.parametrize(("window", "steps"), [("1h", 60), ("24h", 24), ("7d", 168)])
@pytest.mark.parametrize("panel", ["mails", "failures", "again"])
def test_the_step_that_is_still_running_is_marked_in_chart_and_key(window: str, steps: int, panel: str) -> None:
    chart, key = panels(reading(window, happened=HAPPENED))[f"panel-{panel}"].split("<figcaption>")
    [(left, width)] = re.findall(r'<rect class="partial" x="([\d.]+)" y="0" width="([\d.]+)"', chart)
    assert float(width) == pytest.approx((WIDTH - LEFT) / steps, abs=0.01)
    assert float(left) == pytest.approx(WIDTH - float(width), abs=0.02)
    assert text(key.partition('<rect class="partial"')[2].partition("</li>")[0].partition(">")[2]) == "so far"


def test_what_can_have_the_focus_or_be_scrolled_has_an_id_by_which_it_is_found_again() -> None:
    drawn = "".join(panels(reading(stands=BUSY, happened=HAPPENED)).values())
    found = re.findall(r"<(?:summary|a|details)\b[^>]*>|<[^>]+tabindex[^>]*>", drawn)
    assert len(found) == 15
    assert [tag for tag in found if ' id="' not in tag] == []


def test_every_kind_of_bar_but_the_first_has_a_pattern_of_its_own_in_chart_and_key() -> None:
    failures = Counter({str(name): 10 for name in list(FailureClass)[:7]}) + Counter(greylisted=2, timeout=3)
    drawn = panels(reading(happened=Counts(failures=failures)))["panel-failures"]
    patterns = [f"failures-{kind}" for kind in range(1, 8)]
    assert re.findall(r'<pattern id="([^"]+)"', drawn) == patterns
    chart, key = drawn.split("<figcaption>")
    assert [re.findall(r"url\(#([^)]+)\)", half) for half in (chart, key)] == [patterns, patterns]
    assert [re.findall(r'"bar (s\d)"', half) for half in (chart, key)] == [[f"s{kind}" for kind in range(8)]] * 2


def test_no_panel_has_a_style_attribute_a_script_or_an_id_twice() -> None:
    drawn = "".join(panels(reading(stands=BUSY, happened=HAPPENED)).values())
    assert not re.search(r"\sstyle=|<script|\son\w+=", drawn)
    ids = re.findall(r'\sid="([^"]+)"', drawn)
    assert len(ids) == len(set(ids))


def test_what_the_doctor_found_is_told_with_its_cure() -> None:
    found = (red("redis disk", "a copy is <written>", "set `save ''`"), yellow("swap", "on", "`swapoff -a`"), green("clock", "right"))
    drawn = panels(reading(findings=found))["panel-health"]
    assert "red redis disk: a copy is &lt;written&gt; set save &#39;&#39; yellow swap: on swapoff -a Green: 1 clock: right" in text(drawn)
    assert "<code>swapoff -a</code>" in drawn
    assert "Nothing to mend. Green: 0" in text(panels(reading())["panel-health"])
