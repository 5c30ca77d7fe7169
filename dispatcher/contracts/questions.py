"""Questions: what only a worker can answer, put to whichever is free. Sealed both ways, taken once, and gone after seconds."""

from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from redis.asyncio import Redis

from dispatcher.contracts.claim import ClockSkewed
from dispatcher.contracts.errors import CheckedOften, PreviewedOften, Unavailable
from dispatcher.contracts.job import Lane, Submission
from dispatcher.contracts.mail import Account, Mailbox, Value
from dispatcher.contracts.scripts import FAILURES, Scripts
from dispatcher.contracts.seal import Binding
from dispatcher.contracts.wire import key

QUESTION_MS: Final = 12_000
ANSWER_KEPT_MS: Final = 2_000


class AccountCheck(Value, frozen=True, rename={"author": "from"}):
    """What is posted to have an account verified; `from` is the sender that the server is asked about."""

    account: Account | Literal["default"]
    author: Mailbox | None = None


class Verify(msgspec.Struct, frozen=True, tag_field="kind", tag="verify"):
    """Whether mail could be handed to this account's server; the answer is a Verification."""

    account: Account | Literal["default"]
    sender: str | None = None


class Render(msgspec.Struct, frozen=True, tag_field="kind", tag="render"):
    """What would be mailed for this submission; the answer is a Preview."""

    submission: Submission


class Question(msgspec.Struct, frozen=True):
    """What is sealed to the workers. The answer is sealed to `answer_key`, an X25519 public key that is used this once.

    Only who opened the question knows that key, so an answer that opens is a worker's.
    """

    asked: Verify | Render
    answer_key: bytes


@dataclass(frozen=True)
class Taken:
    """A question that is this worker's alone; `now_ms` is when it was taken."""

    binding: Binding
    now_ms: int
    sealed: bytes

    @property
    def seconds_left(self) -> float:
        """From the taking to the deadline."""
        return (self.binding.deadline_ms - self.now_ms) / 1000


class Questions:
    """Who asks, and who answers, through Redis. Every method raises Unavailable when Redis does not answer."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._scripts = Scripts(redis, {"ask": ("prelude",), "take": ("prelude",)})

    async def ask(self, binding: Binding, sealed: bytes, per_minute: int, *, preview: bool = False) -> bool:
        """The question waits for a worker until its deadline; True when one may have to be woken.

        Raises CheckedOften or PreviewedOften, each counted for itself, and ClockSkewed.
        """
        said = {
            "id": binding.job_id,
            "deadline": binding.deadline_ms,
            "ttl": QUESTION_MS,
            "tp": binding.tenant,
            "kind": "p" if preview else "v",
            "per_minute": per_minute,
            "lane": Lane.INTERACTIVE,
        }
        answer, fact = await self._scripts.run("ask", said, [sealed])
        if answer == b"often":
            raise (PreviewedOften if preview else CheckedOften).until(fact)
        if answer == b"clock":
            raise ClockSkewed.by(fact)
        return bool(fact)

    async def take(self) -> Taken | None:
        """The oldest question that can still be answered; None when there is none."""
        found = await self._scripts.run("take", {})
        if not found:
            return None
        name, deadline, tenant, now, sealed = found
        return Taken(Binding(tenant.decode(), name.decode(), int(deadline)), now, sealed)

    async def reply(self, taken: Taken, sealed: bytes) -> None:
        """The answer waits for who asked, no longer than she waits for it."""
        try:
            await self._redis.set(key("out", taken.binding.job_id), sealed, pxat=taken.binding.deadline_ms + ANSWER_KEPT_MS)
        except FAILURES:
            raise Unavailable from None

    async def fetch(self, question_id: str) -> bytes | None:
        """The sealed answer, which is nowhere any more; None while there is none."""
        try:
            found = await self._redis.getdel(key("out", question_id))
        except FAILURES:
            raise Unavailable from None
        return found if isinstance(found, bytes) else None
