"""Callbacks: final statuses that are still to be told, and to whom; sealed in Redis from the job's accept, and gone once they are told."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from dispatcher.contracts.job import Callback, Status
from dispatcher.contracts.records import status_of
from dispatcher.contracts.scripts import Scripts
from dispatcher.contracts.seal import Binding
from dispatcher.contracts.unpack import unpack
from dispatcher.contracts.wire import CALLBACK_KEPT_MS

PAUSES_SECONDS: Final = (5, 60, 300, 1200)  # after the tries that nobody took
TRIES: Final = len(PAUSES_SECONDS) + 1


class Addressee(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to tell; sealed under the binding of the job, which is never taken for this, nor this for the job."""

    url: str
    secret: str

    def __repr__(self) -> str:
        return "Addressee(...)"


@dataclass(frozen=True)
class Due:
    """A final status that is to be told now, for the `attempt`th time; `now_ms` is when it was taken."""

    binding: Binding
    status: Status
    attempt: int
    now_ms: int
    sealed: bytes

    @property
    def webhook_id(self) -> str:
        """The same at every try; another one when the job has ended anew, by a late answer."""
        return f"{self.status.job_id}-{self.status.updated_at_ms}"


def packed(callback: Callback | None) -> bytes:
    """What is sealed when the job is accepted; empty where nobody is to be told."""
    return msgspec.msgpack.encode(Addressee(callback.url, callback.secret)) if callback else b""


def unpacked(opened: bytes) -> Addressee:
    """Whom to tell; raises SealBroken when something else was sealed."""
    return unpack(opened, Addressee)


class Callbacks:
    """What is to be told, and what came of it. Every method raises Unavailable when Redis does not answer."""

    def __init__(self, redis: "Redis") -> None:
        self._scripts = Scripts(redis, dict.fromkeys(("tell", "told"), ("prelude", "tellings")))

    async def take(self, lease_ms: int) -> Due | None:
        """The next that is due, this worker's alone as long as the lease; None when there is none."""
        found: Any = [b""]
        while found == [b""]:  # there was more to look at
            found = await self._scripts.run("tell", {"lease": lease_ms, "tries": TRIES, "kept": CALLBACK_KEPT_MS})
        if not found:
            return None
        job_id, attempt, now, sealed, receipts, *flat = found
        words = [word.decode() for word in flat]
        record = dict(zip(words[::2], words[1::2], strict=True))
        status = status_of(job_id.decode(), record, receipts)
        return Due(Binding(record["tp"], status.job_id, status.expires_at_ms), status, attempt, now, sealed)

    async def again(self, due: Due, delay_ms: int) -> None:
        """Nobody took it; it is due again after the delay."""
        await self._scripts.run("told", _of(due) | {"delay": delay_ms})

    async def done(self, due: Due) -> None:
        """It was told, or is given up; what was sealed is gone, unless the job may still end anew."""
        await self._scripts.run("told", _of(due))


def _of(due: Due) -> dict[str, object]:
    return {"id": due.binding.job_id, "tp": due.binding.tenant, "ended": due.status.updated_at_ms}
