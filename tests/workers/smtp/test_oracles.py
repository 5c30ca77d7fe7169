"""Oracles: every dialogue and every attack as aiosmtplib and smtplib take it; where ours says something else, the table says why."""

import asyncio
import base64
import functools
import itertools
import logging
import re
import smtplib
import time
import tracemalloc
from email.utils import parseaddr
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from dispatcher.contracts.address import addr_spec
from dispatcher.contracts.mail import Envelope, NoAuth, PasswordAuth, Tls
from dispatcher.contracts.outcome import FailureClass, Fate
from tests.workers.smtp.oracles import (
    ALL,
    SECONDS,
    Asked,
    aiosmtplib_says,
    compared,
    ours,
    outcome_of_ours,
    played,
    serving,
    smtplib_says,
)
from tests.workers.smtp.scripted import parse
from tests.workers.smtp.test_session import DIALOGUES, MESSAGE, PASSWORD, TO_STARTTLS, UP_TO_BODY, envelope, fates
from tests.workers.smtp.test_tls_faults import self_signed
from workers.smtp.limits import SmtpLimits

PAGE: Final = Path(__file__).parents[3] / "docs" / "smtp.md"
FATES: Final = {"accepted": Fate.ACCEPTED, "refused": Fate.REFUSED, "unconfirmed": Fate.UNCONFIRMED}
POLITE: Final = ("C: ", "S: 221 bye") * 3  # to the RSET and QUIT that ours does not say
TWO: Final = (*UP_TO_BODY[:5], "C: RCPT", "S: 250 ok", "C: RCPT", "S: 250 ok")
AUTH: Final = ("C: EHLO", "S: 250-server", "S: 250 AUTH PLAIN", "C: AUTH")
TO_DOT: Final = ("C: DATA", "S: 354 go", "C: ...", "S: 250 ok")
SIGNED_IN: Final = (*AUTH, "S: 235 2.7.0 hello", *UP_TO_BODY[3:], *TO_DOT[2:], *POLITE)
NOBODY: Final = 1  # a port where nobody listens
BARE: Final = re.compile(rb"\r(?!\n)|(?<!\r)\n")
LONG_LINE: Final = b"220-" + 1018 * b"x" + b"\r\n"

# The libraries say one command at a time and go on where ours ends, so these servers do too; to ours they say what their files say.
TWINS: Final = {
    "auth_one_challenge_too_many": (*TO_STARTTLS, *AUTH, "S: 334 more", "C: ", "S: 535 no"),
    "body_ended_by_server": (*UP_TO_BODY, "S: 552 5.3.4 too large", "C: ..."),
    "ehlo_refused": ("S: 220 server", "C: EHLO", "S: 550 5.7.1 bad name", "C: HELO", "S: 250 server", *UP_TO_BODY[3:], *TO_DOT[2:]),
    "pipelined": (*TWO, *TO_DOT),
    "pipelined_mail_refused": (*UP_TO_BODY[:4], "S: 550 5.7.60 SendAs denied"),
    "pipelined_nobody_left": (*UP_TO_BODY[:5], "C: RCPT", "S: 550 5.1.1 no", "C: RCPT", "S: 550 5.1.1 no"),
    "pipelined_second_refused": (*TWO[:-1], "S: 550 5.1.1 no such user", "C: RCPT", "S: 250 ok", *TO_DOT),
    "starttls_injected": (*TO_STARTTLS[:-2], r"S: 220 go\r\n250-server\r\n250 AUTH PLAIN", "TLS", *UP_TO_BODY[1:], *TO_DOT[2:]),
    "too_large_by_size": (*UP_TO_BODY[:2], "S: 250-server", "S: 250 SIZE 10", *UP_TO_BODY[3:], "C: ...", "S: 552 5.3.4 too large"),
}
SILENT: Final = {"body_ended_by_server": 0.3}  # a reply that a library waits for although it has come; seconds


class Difference(NamedTuple):
    """What each says."""

    ours: str
    aiosmtplib: str
    smtplib: str
    reason: str


DIFFERENCES: Final = {
    "auth_login": Difference(
        *("accepted", "garbled", "accepted"),
        "they say the user with AUTH; a server that asks again gets the password in its place",
    ),
    "auth_one_challenge_too_many": Difference(
        *("garbled", "garbled", "refused"), "smtplib says the password again to a challenge that PLAIN does not have"
    ),
    "body_ended_by_server": Difference(*("refused", "lost", "refused"), "aiosmtplib overlooks a reply that came with the 354"),
    "dot_dropped": Difference("unconfirmed", "lost", "lost", "they say the same before the dot, where it is safe to try again"),
    "dot_garbage": Difference("unconfirmed", "garbled", "garbled", "they say the same before the dot"),
    "ehlo_refused": Difference(*("refused", "accepted", "accepted"), "they fall back to HELO, which offers no TLS, no sign-in and no size"),
    "quit_421": Difference("accepted", "accepted", "deferred", "smtplib's `with` raises what QUIT was answered; the mail was accepted"),
    "rcpt_421_voids_what_was_accepted": Difference(
        *("deferred refused deferred", "lost lost lost", "unsaid refused deferred"),
        "theirs forget refusals, or the voided",
    ),
    "starttls_injected": Difference(*("garbled", "accepted", "accepted"), "they drop what was said too early and go on; ours hangs up"),
    "too_many_recipients": Difference(
        *("accepted deferred deferred", "accepted deferred refused", "accepted deferred refused"),
        "552 at RCPT is no refusal",
    ),
}


def lines_for_all(path: Path) -> tuple[str, ...]:
    lines = TWINS.get(path.stem) or parse(path).lines
    if lines[-1] == "C: QUIT":
        lines = lines[:-1]
    return lines if lines[-1] == "!" or path.stem in SILENT else lines + POLITE


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
def test_a_dialogue_means_the_same_to_all_three_or_the_table_says_why(path: Path) -> None:
    header = parse(path).header
    asked = Asked(
        envelope(int(header.get("recipients", "1"))),
        Tls(header.get("tls", "none")),
        PASSWORD if "auth" in header else NoAuth(),
        seconds=SILENT.get(path.stem, SECONDS),
    )
    told = [said for said, _ in compared(lines_for_all(path), asked)]
    assert [FATES.get(word, Fate.PENDING) for word in told[0].split()] == list(fates(parse(path)).values())
    assert told == list(DIFFERENCES[path.stem][:3] if path.stem in DIFFERENCES else told[:1] * 3)


def test_every_twin_and_every_difference_is_of_a_dialogue() -> None:
    assert {*TWINS, *SILENT, *DIFFERENCES} - {path.stem for path in DIALOGUES} == set()


def test_every_difference_differs_and_is_a_row_of_the_page() -> None:
    page = PAGE.read_text().splitlines()
    rows = [" | ".join((f"| `{name}`", *known)) + " |" for name, known in DIFFERENCES.items()]
    assert [row for row in page if row in rows] == rows
    assert [name for name, known in DIFFERENCES.items() if len(set(known[:3])) == 1] == []


# ---- what no fate shows


def test_a_message_over_the_size_that_is_offered_stays_here() -> None:
    path = next(path for path in DIALOGUES if path.stem == "too_large_by_size")
    heard = [played(lines_for_all(path), Asked(envelope()), says)[1] for says in ALL]
    assert [server.body for server in heard] == [b"", MESSAGE + b".\r\n", MESSAGE + b".\r\n"]


def test_a_refused_sign_in_is_not_tried_again_by_another_mechanism() -> None:
    lines = (*TO_STARTTLS, *AUTH[:2], "S: 250 AUTH PLAIN LOGIN", *("C: AUTH", "S: 535 5.7.8 no") * 2, *POLITE)
    assert compared(lines, Asked(envelope(), Tls.STARTTLS, PASSWORD)) == [
        ("refused", "EHLO STARTTLS EHLO AUTH QUIT"),
        ("refused", "EHLO STARTTLS EHLO AUTH AUTH"),
        ("refused", "EHLO STARTTLS EHLO AUTH AUTH QUIT"),
    ]


# ---- the attacks


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_a_certificate_that_nobody_vouches_for_gets_no_password(tls: Tls, tmp_path: Path) -> None:
    opening = TO_STARTTLS if tls is Tls.STARTTLS else TO_STARTTLS[:1]
    by_default = functools.partial(aiosmtplib_says, tls_context=None), functools.partial(smtplib_says, context=None)
    told = compared((*opening, *SIGNED_IN), Asked(envelope(), tls, PASSWORD), ours, *by_default, tls=self_signed(tmp_path))
    assert [(said, "AUTH" in verbs) for said, verbs in told] == [("refused", False), ("refused", False), ("accepted", True)]


def test_nothing_is_said_in_clear_where_starttls_was_taken_out() -> None:
    lines, asked = ("S: 220 server", *SIGNED_IN), Asked(envelope(), Tls.STARTTLS, PASSWORD)
    assert compared((*lines[:4], *POLITE), asked) == [("refused", "EHLO QUIT"), ("refused", "EHLO"), ("refused", "EHLO QUIT")]
    in_clear = ("accepted", "EHLO AUTH MAIL RCPT DATA QUIT")
    assert compared(lines, asked, functools.partial(aiosmtplib_says, start_tls=None)) == [in_clear]
    assert compared(lines, Asked(envelope(), Tls.NONE, PASSWORD), smtplib_says) == [in_clear]


def test_what_was_said_before_tls_is_not_believed_under_it() -> None:
    lines = (*TO_STARTTLS[:-2], r"S: 220 go\r\n250-server\r\n250 AUTH PLAIN", "TLS", *UP_TO_BODY[1:3], *POLITE)
    assert compared(lines, Asked(envelope(), Tls.STARTTLS, PASSWORD)) == [
        ("garbled", "EHLO STARTTLS"),
        ("refused", "EHLO STARTTLS EHLO"),
        ("refused", "EHLO STARTTLS EHLO QUIT"),
    ]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("you@example.org\r\nRCPT TO:<eve@example.com>", b"<you@example.org>"),
        ("you@example.org>\r\nRCPT TO:<eve@example.com", b"<you@example.org>"),
        ("you@example.org> NOTIFY=NEVER", b"<you@example.org>"),
        ("you@example.org NOTIFY=NEVER", b"<you@example.orgNOTIFY=NEVER>"),
        ("a@example.org, b@example.com", b"<a@example.org>"),
    ],
)
def test_an_address_that_is_more_than_one_is_not_cut_to_another(address: str, told: bytes) -> None:
    assert addr_spec(address) is None
    for spoilt in (Envelope("me@example.org", ((address, (0,)),)), Envelope(address, (("me@example.org", (0,)),))):
        assert asyncio.run(ours(NOBODY, Asked(spoilt))) == "refused"
        lines = (*UP_TO_BODY, *TO_DOT[2:], *POLITE)
        if parseaddr(address) == ("", ""):  # a Python in which CVE-2023-27043 is mended: aiosmtplib refuses what it cannot read
            assert played(lines, Asked(spoilt), aiosmtplib_says)[0] == "refused"
            continue
        heard = [played(lines, Asked(spoilt), says)[1] for says in ALL[1:]]
        asked = [{line.strip().partition(b":")[2].partition(b" ")[0] for line in server.lines[1:3]} for server in heard]
        assert asked == [{told, b"<me@example.org>"}] * 2


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\n.\r", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r"])
def test_an_end_of_mail_that_only_some_servers_see_is_not_said(end: bytes) -> None:
    asked = Asked(envelope(), message=b"Subject: x\r\n\r\nhello" + end + b"MAIL FROM:<eve@example.com>\r\n")
    assert asyncio.run(ours(NOBODY, asked)) == "refused"
    bodies = [played((*UP_TO_BODY, *TO_DOT[2:], *POLITE), asked, says)[1].body for says in ALL[1:]]
    assert [bool(BARE.search(body)) for body in bodies] == [False, True]
    assert b"\r\n..\r\n" in bodies[0]


def test_an_endless_greeting_ends_here_and_takes_no_room() -> None:
    async def babble(writer: asyncio.StreamWriter) -> None:
        for _ in range(128):
            writer.write(64 * LONG_LINE)
            await writer.drain()
        writer.write(b"220 at last\r\n")

    async def all_three() -> int:
        async with serving(babble) as port:
            outcome = await outcome_of_ours(port, Asked(envelope()))
            assert outcome.failure is not None
            assert outcome.failure.failure_class is FailureClass.PROTOCOL_ERROR
            room = tracemalloc.get_traced_memory()[1]
            assert await aiosmtplib_says(port, Asked(envelope())) == "garbled"
            client = smtplib.SMTP(timeout=SECONDS)
            _, said = await asyncio.to_thread(client.connect, "127.0.0.1", port)
            client.close()
            assert len(said) > 8_000_000
        return room

    tracemalloc.start()
    try:
        assert asyncio.run(all_three()) < 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_limit_is_of_the_whole_reply_and_not_of_each_byte() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        for byte in b"220 " + 40 * b"x" + b"\r\n":
            writer.write(bytes((byte,)))
            await asyncio.sleep(0.03)

    async def all_three() -> list[float]:
        async with serving(drip) as port:
            begun = [time.monotonic()]
            outcome = await outcome_of_ours(port, Asked(envelope()), SmtpLimits(banner_seconds=0.4))
            assert outcome.failure is not None
            assert outcome.failure.failure_class is FailureClass.BANNER_TIMEOUT
            begun.append(time.monotonic())
            assert await aiosmtplib_says(port, Asked(envelope(), seconds=0.4)) == "lost"
            begun.append(time.monotonic())
            client = smtplib.SMTP(timeout=0.4)
            assert (await asyncio.to_thread(client.connect, "127.0.0.1", port))[0] == 220
            client.close()
            begun.append(time.monotonic())
        return [end - begin for begin, end in itertools.pairwise(begun)]

    assert [seconds > 1 for seconds in asyncio.run(all_three())] == [False, False, True]


def test_nobody_is_named_to_a_log_of_every_level(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    auth = PasswordAuth(user="jane.doe", password="correct horse")
    told = Envelope("me@example.org", (("max.power@example.com", (0,)),))
    asked = Asked(told, Tls.STARTTLS, auth, b"Subject: quarterly figures\r\n\r\nhello\r\n")
    signed_in = base64.b64encode(f"\0{auth.user}\0{auth.password}".encode()).decode()
    named = (auth.user, auth.password, signed_in, "max.power", "quarterly figures")
    shown = []
    for says in (ours, aiosmtplib_says, functools.partial(smtplib_says, debuglevel=1)):
        assert compared((*TO_STARTTLS, *SIGNED_IN), asked, says)[0][0] == "accepted"
        text = "".join((*capfd.readouterr(), caplog.text))
        shown.append([word for word in named if word in text])
    assert shown == [[], [], [signed_in, "max.power", "quarterly figures"]]
