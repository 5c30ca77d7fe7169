"""Fault: one thing that a mail server does wrong, at a place and of a kind.

A fault stands in the place of one reply. When the client goes on after a reply that is none, the server does too: a mail that
should not have been sent is then in the ledger. The places, in their order:

    banner     the greeting
    ehlo       the answer to EHLO, the first one
    tls        the answer to STARTTLS; in implicit mode what stands for the server's half of the handshake
    handshake  the server's half of the handshake after STARTTLS
    ehlo_again the answer to EHLO under STARTTLS
    auth       the answer to AUTH
    mail       the answer to MAIL
    rcpt       the answer to the second RCPT
    data       the answer to DATA
    body       nothing is said here; the fault comes with the first line of the message
    dot        the answer to the dot
    rset, quit the answers to RSET and QUIT
"""

import dataclasses
from enum import StrEnum
from typing import Final

GARBAGE: Final = b"\x00\xff\xfe\x80 this is no reply \x01\x02\r\n"
CLOSING: Final = b"421 4.3.0 closing\r\n"
LATE_SECONDS: Final = 0.1
UNASKED: Final = b"250 2.0.0 nobody asked\r\n"
RECORD: Final = b"\x16\x03\x03\x3f\xff"  # the head of a TLS record of 16 KB
TEMPORARY: Final = {"auth": b"454 4.7.0 no\r\n", "mail": b"450 4.1.8 no\r\n", "tls": b"454 4.7.0 no\r\n"}
PERMANENT: Final = {
    "banner": b"554 5.3.2 no\r\n",
    "tls": b"554 5.3.3 no\r\n",
    "auth": b"535 5.7.8 no\r\n",
    "mail": b"553 5.1.8 no\r\n",
    "rcpt": b"550 5.1.1 no\r\n",
}


class Kind(StrEnum):
    """What comes instead of the reply."""

    TEMPORARY = "4xx"
    PERMANENT = "5xx"
    CLOSING = "421"  # and the end of the connection
    DROP = "drop"  # FIN
    RESET = "rst"
    STALL = "stall"  # nothing more
    DRIP = "drip"  # a byte every 50 ms, for ever
    GARBAGE = "garbage"
    FLOOD = "flood"  # the reply, 100 KB long
    LATE = "late"  # the reply, after a while
    UNASKED = "unasked"  # the reply, and in the same packet another one


@dataclasses.dataclass(frozen=True)
class Fault:
    """Where, and what."""

    place: str
    kind: Kind


def flood(reply: bytes) -> bytes:
    """The reply in 101 lines and 100 KB; well formed to its end."""
    return 100 * (reply[:3] + b"-" + 1000 * b"x" + b"\r\n") + reply[:3] + b" x\r\n"
