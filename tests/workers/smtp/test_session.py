"""Session: the real transmit against a scripted server: every dialogue file, then TLS, deadlines and the fence."""

import asyncio
import datetime as dt
import ssl
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme

from dispatcher.contracts.mail import Account, Envelope, NoAuth, PasswordAuth, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase
from tests.workers.smtp.scripted import Heard, Script, parse, serve
from workers.smtp.connection import stuffed
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import transmit
from workers.smtp.session import Fence

DIALOGUES = sorted((Path(__file__).parents[2] / "dialogues").glob("*.txt"))
MESSAGE = b"Subject: x\r\n\r\nhello\r\n"
GREETING = ("S: 220 server", "C: EHLO", "S: 250 server")
UP_TO_BODY = (*GREETING, "C: MAIL", "S: 250 ok", "C: RCPT", "S: 250 ok", "C: DATA", "S: 354 go")
TO_STARTTLS = ("S: 220 server", "C: EHLO", "S: 250-server", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go", "TLS")
LOOPBACK = Egress(allow_networks=(ip_network("127.0.0.0/8"),), allow_plaintext=True)
CA = trustme.CA()
CA_PEM = CA.cert_pem.bytes().decode()
PASSWORD = PasswordAuth(user="user", password="secret")


def server_context(name: str = "127.0.0.1", authority: trustme.CA = CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


CONTEXT = server_context()


def envelope(count: int = 1) -> Envelope:
    return Envelope("me@example.org", tuple((f"you{index}@example.org", (index,)) for index in range(count)))


def account(port: int, tls: Tls = Tls.NONE, *, password: bool = False) -> Account:
    auth = PASSWORD if password else NoAuth()
    return Account(host="127.0.0.1", port=port, tls=tls, auth=auth, ca_pem=None if tls is Tls.NONE else CA_PEM)


async def granted(indexes: frozenset[int]) -> bool:
    return bool(indexes)


def play(  # noqa: PLR0913 -- a setting a test may vary
    lines: tuple[str, ...],
    *,
    tls: Tls = Tls.NONE,
    password: bool = False,
    recipients: int = 1,
    context: ssl.SSLContext = CONTEXT,
    fence: Fence = granted,
    limits: SmtpLimits | None = None,
    message: bytes = MESSAGE,
) -> tuple[Outcome, Heard]:
    async def both() -> tuple[Outcome, Heard]:
        async with serve(lines, context, implicit=tls is Tls.IMPLICIT) as heard:
            sender = account(heard.port, tls, password=password)
            outcome = await transmit(message, envelope(recipients), sender, egress=LOOPBACK, fence=fence, limits=limits or SmtpLimits())
        return outcome, heard

    return asyncio.run(both())


def fates(script: Script) -> dict[int, Fate]:
    return {index: Fate[word.upper()] for index, word in enumerate(script.header["fate"].split())}


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
def test_a_dialogue_ends_as_its_file_says(path: Path) -> None:
    script = parse(path)
    outcome, heard = play(
        script.lines,
        tls=Tls(script.header.get("tls", "none")),
        password="auth" in script.header,
        recipients=int(script.header.get("recipients", "1")),
    )
    assert heard.odd == []
    assert outcome.fates == fates(script)
    said = (outcome.failure.failure_class, outcome.failure.phase) if outcome.failure else (None, None)
    assert said == (script.header.get("failure"), script.header.get("phase"))
    assert heard.rest in {b"", b"QUIT\r\n", MESSAGE}  # a body without its dot is no message


def test_what_is_transmitted_is_the_message_stuffed_and_dotted() -> None:
    outcome, heard = play((*UP_TO_BODY, "C: ...", "S: 250 ok"), message=b".a\r\n..b\r\nc.\r\n.\r\n")
    assert (outcome.failure, heard.body) == (None, b"..a\r\n...b\r\nc.\r\n..\r\n.\r\n")


def test_a_large_message_arrives_whole_over_tls() -> None:
    line = b"0123456789abcdef" * 62 + b"012345\r\n"
    _, heard = play((*TO_STARTTLS, *UP_TO_BODY[1:], "C: ...", "S: 250 ok"), tls=Tls.STARTTLS, message=line * 500)
    assert len(heard.body) == 500 * 1000 + 3


def test_stuffing_touches_only_what_needs_it() -> None:
    assert [stuffed(text) for text in (b"", b"a", b"a\r\n", b"a.\r\n", b".", b"a\r\n.\r\n")] == [
        b"",
        b"a\r\n",
        b"a\r\n",
        b"a.\r\n",
        b"..\r\n",
        b"a\r\n..\r\n",
    ]


def test_implicit_tls_is_accepted() -> None:
    outcome, heard = play((*UP_TO_BODY, "C: ...", "S: 250 ok"), tls=Tls.IMPLICIT)
    assert (outcome, heard.body) == (Outcome({0: Fate.ACCEPTED}), MESSAGE + b".\r\n")


@pytest.mark.parametrize("tls", [Tls.IMPLICIT, Tls.STARTTLS])
@pytest.mark.parametrize(
    ("context", "failure_class"),
    [
        (server_context(authority=trustme.CA()), FailureClass.TLS_CERT_UNTRUSTED),
        (server_context("mail.example.org"), FailureClass.TLS_CERT_HOSTNAME),
    ],
)
def test_a_certificate_that_proves_nothing_ends_it(tls: Tls, context: ssl.SSLContext, failure_class: FailureClass) -> None:
    lines = GREETING if tls is Tls.IMPLICIT else (*TO_STARTTLS, "C: EHLO")
    outcome, heard = play(lines, tls=tls, context=context, password=True)
    assert outcome.failure == Failure(failure_class, SmtpPhase.TLS)
    assert [line[:4] for line in heard.lines if not line.startswith(b"STARTTLS")] in ([], [b"EHLO"])


def test_an_expired_certificate_ends_it() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    CA.issue_cert("127.0.0.1", not_after=past).configure_cert(context)
    outcome, _ = play((*TO_STARTTLS, "C: EHLO"), tls=Tls.STARTTLS, context=context)
    assert outcome.failure == Failure(FailureClass.TLS_CERT_EXPIRED, SmtpPhase.TLS)


def test_implicit_tls_at_a_plain_port_is_named_so() -> None:
    async def both() -> Outcome:
        async with serve(("S: 220 server",)) as heard:
            return await transmit(
                MESSAGE, envelope(), account(heard.port, Tls.IMPLICIT), egress=LOOPBACK, fence=granted, limits=SmtpLimits()
            )

    assert asyncio.run(both()).failure == Failure(FailureClass.TLS_MODE_MISMATCH, SmtpPhase.TLS)


def test_nothing_of_a_sign_in_is_said_where_tls_is_not_offered() -> None:
    _, heard = play((*GREETING,), tls=Tls.STARTTLS, password=True)
    assert (len(heard.lines), heard.rest) == (1, b"QUIT\r\n")


def test_a_dripping_reply_is_bounded_by_its_phase() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"2")
            await asyncio.sleep(0.02)

    limits = SmtpLimits(banner_seconds=0.2)
    outcome, seconds = against(drip, limits)
    assert outcome.failure == Failure(FailureClass.BANNER_TIMEOUT, SmtpPhase.BANNER, permanent=False)
    assert seconds < 1


def test_an_endless_greeting_is_bounded() -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"220-" + b"x" * 4000 + b"\r\n")
            await asyncio.sleep(0)

    outcome, seconds = against(babble, SmtpLimits())
    assert outcome.failure == Failure(FailureClass.PROTOCOL_ERROR, SmtpPhase.BANNER, permanent=False)
    assert seconds < 1


def test_everything_before_the_dot_is_bounded_together() -> None:
    outcome, _ = play((*GREETING, "C: MAIL"), limits=SmtpLimits(total_seconds=0.2))
    assert outcome == Outcome({0: Fate.PENDING}, Failure(FailureClass.TIMEOUT, SmtpPhase.MAIL, permanent=False))


def against(server: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], limits: SmtpLimits) -> tuple[Outcome, float]:
    async def both() -> tuple[Outcome, float]:
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        started = time.monotonic()
        async with listening:
            outcome = await transmit(MESSAGE, envelope(), account(port), egress=LOOPBACK, fence=granted, limits=limits)
            seconds = time.monotonic() - started
            await asyncio.sleep(0.1)
        return outcome, seconds

    return asyncio.run(both())


def test_no_dot_without_the_fence() -> None:
    async def refused(_: frozenset[int]) -> bool:
        return False

    lost = Failure(FailureClass.CONNECTION_LOST, SmtpPhase.BODY, permanent=False)
    outcome, heard = play(UP_TO_BODY, fence=refused)
    assert (outcome, heard.rest) == (Outcome({0: Fate.PENDING}, lost), MESSAGE)


def test_a_fence_that_fails_is_a_no() -> None:
    async def broken(_: frozenset[int]) -> bool:
        raise ConnectionError

    outcome, heard = play(UP_TO_BODY, fence=broken)
    assert (outcome.fates, heard.rest) == ({0: Fate.PENDING}, MESSAGE)


def test_the_fence_is_asked_once_for_those_who_were_accepted() -> None:
    asked: list[frozenset[int]] = []

    async def noting(indexes: frozenset[int]) -> bool:
        asked.append(indexes)
        return True

    script = parse(next(path for path in DIALOGUES if path.stem == "pipelined_second_refused"))
    play(script.lines, recipients=3, fence=noting)
    assert asked == [frozenset({0, 2})]


def test_a_server_that_leaves_while_the_fence_is_asked_gets_no_dot() -> None:
    async def slow(_: frozenset[int]) -> bool:
        await asyncio.sleep(0.1)
        return True

    message = b"x\r\n"
    outcome, heard = play((*UP_TO_BODY, "C: x", "!"), fence=slow, message=message)
    assert outcome == Outcome({0: Fate.PENDING}, Failure(FailureClass.CONNECTION_LOST, SmtpPhase.BODY, permanent=False))
    assert heard.rest == b""


def test_no_answer_to_the_dot_leaves_it_unconfirmed() -> None:
    outcome, _ = play((*UP_TO_BODY, "C: ..."), limits=SmtpLimits(dot_seconds=0.1))
    assert outcome == Outcome({0: Fate.UNCONFIRMED}, Failure(FailureClass.OUTCOME_UNKNOWN, SmtpPhase.DOT))


def test_canceling_hangs_up_without_a_dot() -> None:
    async def both() -> Heard:
        async with serve(UP_TO_BODY) as heard:
            asking = asyncio.Event()

            async def waiting(_: frozenset[int]) -> bool:
                asking.set()
                return await asyncio.Future()

            task = asyncio.ensure_future(
                transmit(MESSAGE, envelope(), account(heard.port), egress=LOOPBACK, fence=waiting, limits=SmtpLimits())
            )
            await asking.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return heard

    assert asyncio.run(both()).rest == MESSAGE


def test_an_address_beyond_ascii_needs_smtputf8() -> None:
    told = Envelope("me@example.org", (("jürgen@example.org", (0,)),))

    async def both(lines: tuple[str, ...]) -> tuple[Outcome, Heard]:
        async with serve(lines) as heard:
            outcome = await transmit(MESSAGE, told, account(heard.port), egress=LOOPBACK, fence=granted, limits=SmtpLimits())
        return outcome, heard

    outcome, _ = asyncio.run(both(GREETING))
    assert outcome.failure == Failure(FailureClass.SMTPUTF8_UNSUPPORTED, SmtpPhase.MAIL)
    offered = ("S: 220 server", "C: EHLO", "S: 250-server", "S: 250 SMTPUTF8", *UP_TO_BODY[3:], "C: ...", "S: 250 ok")
    outcome, heard = asyncio.run(both(offered))
    assert outcome == Outcome({0: Fate.ACCEPTED})
    assert heard.lines[1:3] == [b"MAIL FROM:<me@example.org> SMTPUTF8\r\n", "RCPT TO:<jürgen@example.org>\r\n".encode()]
