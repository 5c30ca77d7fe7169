"""Claim: what goes into the ledger and what a worker holds of it: nothing that names anybody."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.outcome import FailureClass, Fate
from dispatcher.contracts.seal import Binding
from dispatcher.contracts.wire import CALLBACK_KEPT_MS, IDEMPOTENCY_MS


@dataclass(frozen=True)
class NewJob:
    """What accept writes; `callback` is sealed too, and empty where none is asked for."""

    binding: Binding
    sealed: bytes
    ttl_ms: int
    idempotency: str
    fingerprint: str
    record: Mapping[str, str | int]
    callback: bytes = b""

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.binding.job_id

    def facts(self) -> dict[str, object]:
        """What accept is told beside the ciphertexts."""
        return {
            "id": self.job_id,
            "key": self.idempotency,
            "deadline": self.binding.deadline_ms,
            "ttl": self.ttl_ms,
            "fingerprint": self.fingerprint,
            "idem_ttl": IDEMPOTENCY_MS,
            "callback_ttl": CALLBACK_KEPT_MS,
            "record": dict(self.record),
        }


@dataclass(frozen=True)
class Accepted:
    """The job of this key: `job_id` is an earlier one's on a replay; `bell_needed` when a worker may be asleep.

    `posts_left` may follow at once, and after `full_again_seconds` as many as ever; a replay does not tell.
    """

    job_id: str
    replayed: bool
    bell_needed: bool
    posts_left: int | None = None
    full_again_seconds: int | None = None


class ClockSkewed(Unavailable):
    """The deadline was reckoned by a clock that differs from Redis'; the caller reckons again."""

    now_ms: int = 0

    @classmethod
    def by(cls, now_ms: int) -> "ClockSkewed":
        """With the right time."""
        skewed = cls()
        skewed.now_ms = now_ms
        return skewed


@dataclass(frozen=True)
class Claim:
    """A leased job: whoever holds the token may write it.

    `tries` counts the attempts that failed by class; the messages begin with the recipient `first`; so many `messages` may be
    taken by the server now, and what is left is to be given back. While it is `veiled`, since it was sealed end to end, nobody knows
    yet to whom it goes. `debug` is the tenant's debug session as it is kept, empty where there is none. It `is_new` when it was never
    claimed before, also where a claim before this one is not counted as an attempt.
    """

    token: int
    attempt: int
    now_ms: int
    accepted_ms: int
    binding: Binding
    sealed: bytes
    fates: str
    tries: Mapping[FailureClass, int] = field(default_factory=dict)
    first: int = 0
    messages: int = 1_000_000
    veiled: bool = False
    debug: bytes = b""
    is_new: bool = False
    taken: float = field(default_factory=time.monotonic)

    @property
    def accepted_at(self) -> datetime:
        """The Date of every attempt, in whole seconds."""
        return datetime.fromtimestamp(self.accepted_ms // 1000, UTC)

    @property
    def seconds_left(self) -> float:
        """From now to the deadline."""
        return (self.binding.deadline_ms - self.present_ms) / 1000

    @property
    def present_ms(self) -> int:
        """Redis' time now, as far as it is known without asking."""
        return self.now_ms + int(1000 * (time.monotonic() - self.taken))

    @property
    def pending(self) -> frozenset[int]:
        """The recipients whose fate is open."""
        return frozenset(index for index, fate in enumerate(self.fates) if fate == Fate.PENDING)


def read_tries(written: str) -> dict[FailureClass, int]:
    """Of a record's `class:number,...`."""
    pairs = (pair.split(":") for pair in written.split(",") if pair)
    return {FailureClass(name): int(number) for name, number in pairs}


def write_tries(tries: Mapping[FailureClass, int]) -> str:
    """As the record has them."""
    return ",".join(f"{name}:{number}" for name, number in tries.items())
