"""Mails: one of every kind that a line of SMTP can spoil, and how they are handed to our client."""

import asyncio
import random
from binascii import b2a_base64
from collections.abc import Coroutine
from ipaddress import ip_network
from typing import Final, TypeVar

from dispatcher.contracts.mail import Account, Envelope
from dispatcher.contracts.outcome import Outcome
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import transmit

T = TypeVar("T")
SENDER: Final = "jane@example.com"
LOOPBACK: Final = Egress(allow_networks=(ip_network("127.0.0.0/8"),), allow_plaintext=True)
CLOSING_SECONDS: Final = 5
LINE_OCTETS: Final = 998  # RFC 5322 section 2.1.1
HEAD: Final = (
    b"Date: Tue, 24 Nov 2026 12:30:15 +0000\r\nMessage-ID: <kinds@example.com>\r\nFrom: Jane Doe <jane@example.com>\r\n"
    b"To: Max <max@example.org>,\r\n\tMia <mia@example.org>\r\nSubject: Kinds\r\n of mail\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
)


def mail(*lines: bytes) -> bytes:
    return HEAD + b"".join(line + b"\r\n" for line in lines)


PLAIN: Final = mail(b"Hello")
UTF8_HEADER: Final = mail("Grüße".encode()).replace(b"Subject: Kinds", "Subject: Grüße".encode())
KINDS: Final = {
    "plain": PLAIN,
    "long lines": mail(b"x" * LINE_OCTETS, b"." * LINE_OCTETS, b".", b" " * LINE_OCTETS, ("ü" * (LINE_OCTETS // 2)).encode()),
    "a long line in the header": HEAD.replace(b"Kinds", b"k" * (LINE_OCTETS - len("Subject: "))) + b"Hello\r\n",
    "dots": mail(b".", b"..", b"...", b".a", b"..a", b". ", b"a.", b"", b".", b".", b"."),
    "a dot first and last": mail(b".begin", b"end", b"."),
    "8 bit": mail(bytes(octet for octet in range(1, 256) if octet not in b"\r\n"), "Grüße, 世界, 🙂".encode(), b"\xff\xfe\x80"),
    "no body": HEAD,
    "a body of empty lines": mail(b"", b"", b""),
    "white space at the ends of lines": mail(b"", b" a ", b"\ta\t", b" ", b"\t", b"", b""),
    "lines that look like commands": mail(
        b"From me to you", b">From you", b"QUIT", b"RSET", b"BDAT 0 LAST", b"MAIL FROM:<>", b"=20", b"=\t"
    ),
}


def large(octets: int) -> bytes:
    """Base64 lines, as of an attachment; no two alike."""
    content = memoryview(random.Random(25).randbytes(octets * 57 // 78))  # noqa: S311 -- filler, not a secret
    return mail(*(b2a_base64(content[at : at + 57], newline=False) for at in range(0, len(content), 57)))


def envelope(*recipients: str, sender: str = SENDER) -> Envelope:
    return Envelope(sender, tuple((address, (index,)) for index, address in enumerate(recipients)))


def send(message: bytes, to: Envelope, account: Account, limits: SmtpLimits | None = None) -> Outcome:
    return run(transmit(message, to, account, egress=LOOPBACK, fence=granted, limits=limits or SmtpLimits()))


async def granted(indexes: frozenset[int]) -> bool:
    return bool(indexes)


def run(talk: Coroutine[None, None, T]) -> T:
    """What it gives, once every line that it opened is closed."""

    async def whole() -> T:
        result = await talk
        sockets = asyncio.get_running_loop()._selector.get_map()  # type: ignore[attr-defined]
        async with asyncio.timeout(CLOSING_SECONDS):
            while len(sockets) > 1:  # noqa: ASYNC110 -- nobody tells; one is the loop's own
                await asyncio.sleep(0.001)
        return result

    return asyncio.run(whole())
