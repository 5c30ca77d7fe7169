"""Oracles: what ours, aiosmtplib and smtplib tell a caller of each recipient, all on the same dialogue; a word for each.

`accepted`; `refused` or `deferred`, by the reply's first digit or by the client itself; `lost` with the connection, and `unconfirmed` if
the dot had been said; `garbled`: the reply is none, or none that belongs there; `unsaid`: the exception does not speak of this recipient.
The libraries are set as strictly as they can be: TLS where the account wants it, never otherwise, and a context that verifies.
"""

import asyncio
import contextlib
import smtplib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import aiosmtplib
import msgspec

from dispatcher.contracts.mail import Envelope, NoAuth, PasswordAuth, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome
from tests.workers.smtp.scripted import Heard, serve
from tests.workers.smtp.test_session import CA_PEM, CONTEXT, LOOPBACK, MESSAGE, account, granted
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import transmit

NAME: Final = "client.example"
SECONDS: Final = 5.0
TRUSTING: Final = ssl.create_default_context(cadata=CA_PEM)
DECIDED: Final = {Fate.ACCEPTED: "accepted", Fate.REFUSED: "refused", Fate.UNCONFIRMED: "unconfirmed"}
BY_DIGIT: Final = {4: "deferred", 5: "refused"}


class Asked(msgspec.Struct, frozen=True):
    """What is to be sent, and how; `seconds` are the libraries' limit for everything."""

    told: Envelope
    tls: Tls = Tls.NONE
    auth: PasswordAuth | NoAuth = NoAuth()
    message: bytes = MESSAGE
    seconds: float = SECONDS

    @property
    def to(self) -> list[str]:
        return [address for address, _ in self.told.recipients]


Says = Callable[[int, Asked], Awaitable[str]]


async def outcome_of_ours(port: int, asked: Asked, limits: SmtpLimits | None = None) -> Outcome:
    sender = msgspec.structs.replace(account(port, asked.tls), auth=asked.auth)
    wanted = limits or SmtpLimits(ehlo_name=NAME)
    return await transmit(asked.message, asked.told, sender, egress=LOOPBACK, fence=granted, limits=wanted)


async def ours(port: int, asked: Asked) -> str:
    """Who may be tried again is `deferred` by a reply, and `lost` or `garbled` without one."""
    outcome = await outcome_of_ours(port, asked)
    return " ".join(DECIDED.get(fate) or open_end(outcome.refusals.get(index, outcome.failure)) for index, fate in outcome.fates.items())


async def aiosmtplib_says(port: int, asked: Asked, **otherwise: Any) -> str:  # noqa: ANN401 -- a setting of theirs
    try:
        refused, _ = await sent_by_aiosmtplib(port, asked, **otherwise)
    except aiosmtplib.SMTPRecipientsRefused as error:
        return by_code(asked.to, {one.recipient: one.code for one in error.recipients}, "unsaid")
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:  # a ValueError is an address that it does not take
        return by_code(asked.to, {}, by_error(error, getattr(error, "code", None)))
    return by_code(asked.to, {address: reply.code for address, reply in refused.items()}, "accepted")


async def sent_by_aiosmtplib(port: int, asked: Asked, **otherwise: Any) -> tuple[dict[str, aiosmtplib.SMTPResponse], str]:  # noqa: ANN401
    auth = asked.auth if isinstance(asked.auth, PasswordAuth) else None
    strictly: dict[str, Any] = {
        "use_tls": asked.tls is Tls.IMPLICIT,
        "start_tls": asked.tls is Tls.STARTTLS,
        "tls_context": TRUSTING,
        "username": auth and auth.user,
        "password": auth and auth.password,
    }
    return await aiosmtplib.send(
        asked.message,
        sender=asked.told.sender,
        recipients=asked.to,
        hostname="127.0.0.1",
        port=port,
        local_hostname=NAME,
        timeout=asked.seconds,
        **strictly | otherwise,
    )


async def smtplib_says(port: int, asked: Asked, context: ssl.SSLContext | None = TRUSTING, debuglevel: int = 0) -> str:
    """Without a context it takes its default one."""
    try:
        refused = await asyncio.to_thread(sent_by_smtplib, port, asked, context, debuglevel)
    except smtplib.SMTPRecipientsRefused as error:
        return by_code(asked.to, {address: code for address, (code, _) in error.recipients.items()}, "unsaid")
    except (smtplib.SMTPException, OSError) as error:
        return by_code(asked.to, {}, by_error(error, getattr(error, "smtp_code", None)))
    return by_code(asked.to, {address: code for address, (code, _) in refused.items()}, "accepted")


def sent_by_smtplib(port: int, asked: Asked, context: ssl.SSLContext | None, debuglevel: int) -> dict[str, tuple[int, bytes]]:
    kind = smtplib.SMTP_SSL if asked.tls is Tls.IMPLICIT else smtplib.SMTP
    trusting = {"context": context} if asked.tls is Tls.IMPLICIT else {}
    with kind("127.0.0.1", port, NAME, timeout=asked.seconds, **trusting) as client:
        client.set_debuglevel(debuglevel)
        if asked.tls is Tls.STARTTLS:
            client.starttls(context=context)
        if isinstance(asked.auth, PasswordAuth):
            client.login(asked.auth.user, asked.auth.password)
        return client.sendmail(asked.told.sender, asked.to, asked.message)


ALL: Final[tuple[Says, ...]] = (ours, aiosmtplib_says, smtplib_says)


def open_end(failure: Failure | None) -> str:
    """Of somebody who is pending."""
    if failure is not None and failure.smtp_code is not None:
        return "deferred"
    return "garbled" if failure is not None and failure.failure_class is FailureClass.PROTOCOL_ERROR else "lost"


def by_code(to: list[str], codes: dict[str, int], otherwise: str) -> str:
    return " ".join(BY_DIGIT.get(codes[address] // 100, "garbled") if address in codes else otherwise for address in to)


def by_error(error: Exception, code: int | None) -> str:
    """What an exception says of everybody; one without a code is the client's own decision."""
    if code is not None:
        return BY_DIGIT.get(code // 100, "garbled")
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return "refused"
    return "lost" if isinstance(error, ConnectionError | TimeoutError | smtplib.SMTPServerDisconnected) else "refused"


# ---- the other side


def played(lines: tuple[str, ...], asked: Asked, says: Says, tls: ssl.SSLContext = CONTEXT) -> tuple[str, Heard]:
    """What one says of a script, and what the script's server heard of it."""

    async def both() -> tuple[str, Heard]:
        async with serve(lines, tls, implicit=asked.tls is Tls.IMPLICIT) as heard:
            return await says(heard.port, asked), heard

    return asyncio.run(both())


def compared(lines: tuple[str, ...], asked: Asked, *says: Says, tls: ssl.SSLContext = CONTEXT) -> list[tuple[str, str]]:
    """What each says, and the verbs that its server heard."""
    plays = [played(lines, asked, one, tls) for one in says or ALL]
    return [(said, " ".join(line.split()[0].decode().upper() for line in heard.lines)) for said, heard in plays]


@contextlib.asynccontextmanager
async def serving(talk: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    """A server that talks to whoever comes, and listens to nobody; its port."""
    talking: list[asyncio.Task[None] | None] = []

    async def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.append(asyncio.current_task())
        with contextlib.suppress(OSError):
            await talk(writer)
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*filter(None, talking))
