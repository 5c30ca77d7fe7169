"""Simulator: the mail server named `simulator`, played in memory for integration developers; all the rest of a job's way is real.

What it does is asked for by the local parts of the recipients: `ok`, `bounce`, `partial`, `defer-2`, `greylist`, `authfail`, `tls`, `slow`,
`unknown`. Any other recipient is accepted. docs/api.md describes each.
"""

import asyncio
import ssl
from typing import Final

from dispatcher.contracts.mail import Envelope

SLOW_SECONDS: Final = 10.0
SELF_SIGNED: Final = 18  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
OFFERS: Final = (
    b"250-simulator\r\n250-PIPELINING\r\n250-SIZE 36700160\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n"
    b"250-STARTTLS\r\n250 AUTH PLAIN XOAUTH2 OAUTHBEARER\r\n"
)
GREYLISTED: Final = b"451 4.7.1 greylisted, try again in 20 seconds\r\n"
UNKNOWN_USER: Final = b"550 5.1.1 no such user\r\n"


class SimulatedServer:
    """One server for one attempt at one message; lines in, replies out; None hangs up."""

    def __init__(self, envelope: Envelope, attempt: int) -> None:
        self._attempt = attempt
        self._asked_for = {address.rpartition("@")[0].lower() for address, _ in envelope.recipients or ((envelope.sender, ()),)}
        self._recipients = 0

    @property
    def trusted(self) -> bool:
        """Whether its certificate is from an authority that anybody knows."""
        return "tls" not in self._asked_for

    @property
    def dot_seconds(self) -> float:
        """How long it thinks about the final dot."""
        return SLOW_SECONDS if "slow" in self._asked_for else 0.0

    @property
    def takes_the_body(self) -> bool:
        """Whether it stays until the dot."""
        return not ("defer-2" in self._asked_for and self._attempt <= 2)  # noqa: PLR2004 -- as its name says

    def hear(self, line: bytes) -> bytes | None:
        """The answer to a command line."""
        verb = line[:4].upper()
        if verb == b"EHLO":
            return OFFERS
        if verb == b"AUTH":
            return b"535 5.7.8 wrong user or password\r\n" if "authfail" in self._asked_for else b"235 2.7.0 signed in\r\n"
        if verb == b"MAIL":
            return b"530 5.7.0 sign in first\r\n" if "authfail" in self._asked_for else b"250 2.1.0 ok\r\n"
        if verb == b"RCPT":
            return self._recipient(line.partition(b"<")[2].rpartition(b"@")[0].lower())
        if verb == b"DATA":
            return b"354 go on\r\n"
        if verb.startswith(b".\r\n"):
            return None if "unknown" in self._asked_for else b"250 2.0.0 accepted\r\n"
        return b"220 2.0.0 go on\r\n" if verb == b"STAR" else b"250 2.0.0 ok\r\n"

    def _recipient(self, local_part: bytes) -> bytes:
        self._recipients += 1
        if local_part == b"bounce" or ("partial" in self._asked_for and self._recipients % 2 == 0):
            return UNKNOWN_USER
        if local_part == b"greylist" and self._attempt == 1:
            return GREYLISTED
        return b"250 2.1.5 ok\r\n"


class SimulatedConnection:
    """Takes a Connection's place in front of such a server."""

    def __init__(self, server: SimulatedServer) -> None:
        self._server = server
        self._received = b"220 simulator\r\n"
        self._ended = False
        self._think_seconds = 0.0
        self.tls: ssl.SSLObject | None = None

    @property
    def spoken(self) -> bool:
        """Whether there is something to read, or the end."""
        return self._ended or bool(self._received)

    async def read(self) -> bytes:
        """The answers; empty at the end."""
        await asyncio.sleep(self._think_seconds)
        self._think_seconds = 0.0
        data, self._received = self._received, b""
        return data

    async def listen(self) -> bytes | None:
        """What has come already; None when the line is quiet."""
        return await self.read() if self.spoken else None

    def write(self, data: bytes) -> None:
        """Command lines, one or more."""
        for line in data.splitlines(keepends=True):
            self._think_seconds = self._server.dot_seconds if line == b".\r\n" else 0.0
            answer = None if self._ended else self._server.hear(line)
            self._ended = answer is None
            self._received += answer or b""

    async def write_all(self, data: bytes, bytes_per_second: float) -> bool:  # noqa: ARG002 -- a Connection's signature
        """The body, which is not kept."""
        self._ended = not self._server.takes_the_body
        return not self._ended

    async def secure(self, context: ssl.SSLContext, host: str | None) -> None:  # noqa: ARG002 -- a Connection's signature
        """TLS as far as a certificate goes; raises OSError."""
        if not self._server.trusted:
            refusal = ssl.SSLCertVerificationError()
            refusal.verify_code = SELF_SIGNED
            raise refusal

    def close(self) -> None:
        """Nothing is left open."""

    def abort(self) -> None:
        """Nothing is left open."""
