"""The catcher's mail servers: STARTTLS, TLS from the first byte, and in clear; what arrives goes to the inbox."""

import asyncio
import hmac
import ssl
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from catcher.content import read_headline
from catcher.faults import Deferrals, has_fault, wait_seconds
from catcher.inbox import Arrival, Inbox

SIZE_BYTES: Final = 36 * 1024 * 1024
IDLE_SECONDS: Final = 1_200


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str

    def check(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: LoginPassword) -> AuthResult:
        """The authenticator of aiosmtpd, which answers 235 or 535 by the result and keeps the user's name for the session."""
        user_fits = hmac.compare_digest(given.login, self.user.encode())
        password_fits = hmac.compare_digest(given.password, self.password.encode())
        if not (user_fits and password_fits):
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=self.user)


class Server(SMTP):
    """One connection. Beyond aiosmtpd it can break off, and takes commands as long as a line: AUTH may pass 512 (RFC 4954, section 4)."""

    command_size_limits = defaultdict(lambda: SMTP.line_length_limit)  # noqa: RUF012 -- shared by aiosmtpd's own design

    async def break_off(self) -> None:
        """Closes without a word and never returns: the lost connection cancels this task."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()
        await self.loop.create_future()

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 -- aiosmtpd finds commands by this name
        if self.envelope is not None and has_fault("drop-body", self.envelope.rcpt_tos):
            await self.break_off()
        await super().smtp_DATA(arg)


class Catch:
    """aiosmtpd's handler: turns fault addresses into faults, keeps everything else."""

    def __init__(self, inbox: Inbox, deferrals: Deferrals) -> None:
        self._inbox = inbox
        self._deferrals = deferrals

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's hook
        self, _server: Server, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        reply = self._deferrals.rcpt_reply(envelope.mail_from or "", address)
        if reply is not None:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's hook
        await asyncio.sleep(wait_seconds(envelope.rcpt_tos))
        if has_fault("reject-data", envelope.rcpt_tos):
            return "554 5.7.1 The content is refused"
        source = envelope.original_content or b""
        mail = self._inbox.keep(source, _arrival(server, session, envelope), read_headline(source))
        if has_fault("drop-dot", envelope.rcpt_tos):
            await server.break_off()
        return f"250 2.0.0 Kept as mail {mail.number}"


@dataclass(frozen=True, slots=True)
class Doors:
    """What the three listeners have in common."""

    catch: Catch
    login: Login
    tls: ssl.SSLContext
    host: str
    size_bytes: int

    async def open_starttls(self, port: int) -> asyncio.Server:
        """Until STARTTLS every other command is refused with 530, so nobody signs in in clear."""
        return await self._listen(lambda: self._server(tls_context=self.tls, require_starttls=True), port)

    async def open_implicit(self, port: int) -> asyncio.Server:
        return await self._listen(lambda: self._server(auth_require_tls=False), port, self.tls)

    async def open_plain(self, port: int) -> asyncio.Server:
        """No TLS, and no AUTH: aiosmtpd offers none without TLS."""
        return await self._listen(self._server, port)

    def _server(self, **options: Any) -> Server:  # noqa: ANN401 -- handed on to aiosmtpd
        return Server(
            self.catch,
            hostname="catcher",
            ident="ESMTP",
            data_size_limit=self.size_bytes,
            enable_SMTPUTF8=True,
            timeout=IDLE_SECONDS,
            authenticator=self.login.check,
            loop=asyncio.get_running_loop(),
            **options,
        )

    async def _listen(self, factory: Callable[[], Server], port: int, tls: ssl.SSLContext | None = None) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(factory, self.host, port, ssl=tls)


def _arrival(server: Server, session: Session, envelope: Envelope) -> Arrival:
    transport = server.transport
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    sender = envelope.mail_from or ""
    return Arrival(
        envelope_from="" if sender == "<>" else sender,
        envelope_to=tuple(envelope.rcpt_tos),
        tls=tls.version() if tls else None,
        cipher=tls.cipher()[0] if tls else None,
        user=session.auth_data,
        at=datetime.now(UTC),
    )
