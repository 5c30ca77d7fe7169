"""Verification: what signing in to a mail server, and mailing nothing, has shown of an account; in closed words and numbers alone."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from dispatcher.contracts.outcome import Failure, SmtpPhase

SIZE: Final = re.compile(r"[0-9]{1,18}")


class Mechanism(StrEnum):
    """The SASL mechanisms that are told by name; whatever else a server offers never leaves the worker."""

    CRAM_MD5 = "CRAM-MD5"
    DIGEST_MD5 = "DIGEST-MD5"
    EXTERNAL = "EXTERNAL"
    GSSAPI = "GSSAPI"
    LOGIN = "LOGIN"
    NTLM = "NTLM"
    OAUTHBEARER = "OAUTHBEARER"
    PLAIN = "PLAIN"
    SCRAM_SHA_1 = "SCRAM-SHA-1"
    SCRAM_SHA_1_PLUS = "SCRAM-SHA-1-PLUS"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_256_PLUS = "SCRAM-SHA-256-PLUS"
    SCRAM_SHA_512 = "SCRAM-SHA-512"
    XOAUTH2 = "XOAUTH2"


class Step(msgspec.Struct, frozen=True):
    """One phase, from `resolve` to `mail`; `failure` is there when it is not ok."""

    step: SmtpPhase
    ok: bool
    milliseconds: int
    failure: Failure | None = None


class Certificate(msgspec.Struct, frozen=True):
    """The server's certificate as the TLS handshake showed it; `days_left` is negative once it has expired."""

    tls_version: str
    days_left: int
    names_match: bool


class Capabilities(msgspec.Struct, frozen=True):
    """What the server offers after EHLO, after TLS where there is TLS; `size` is in bytes, None where it names none."""

    size: int | None = None
    pipelining: bool = False
    smtputf8: bool = False
    chunking: bool = False
    eight_bit_mime: bool = False
    auth: tuple[Mechanism, ...] = ()


class Verification(msgspec.Struct, frozen=True):
    """The steps that were taken, in order; the last one is the one that failed, if any did."""

    steps: tuple[Step, ...]
    certificate: Certificate | None = None
    capabilities: Capabilities | None = None

    @property
    def ok(self) -> bool:
        """Whether every step went well."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    @property
    def failure(self) -> Failure | None:
        """Why it did not."""
        return next((step.failure for step in self.steps if step.failure), None)

    @classmethod
    def failed(cls, failure: Failure) -> "Verification":
        """Of an account that did not come further than one step."""
        return cls((Step(failure.phase or SmtpPhase.RESOLVE, ok=False, milliseconds=0, failure=failure),))


def known_size(words: Iterable[str]) -> int | None:
    """The number after SIZE (RFC 1870), if it is one that such a number can be; 0 says that there is no limit."""
    return next((int(word) for word in words if SIZE.fullmatch(word)), None) or None


def known_mechanisms(offered: Iterable[str]) -> tuple[Mechanism, ...]:
    """Those of the offered words that are told by name."""
    words = {word.upper() for word in offered}
    return tuple(mechanism for mechanism in Mechanism if mechanism in words)
