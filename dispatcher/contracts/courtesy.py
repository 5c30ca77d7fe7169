"""Courtesy: how much of whom may be in hand at once, how fast it may follow, and how long a server that does not work is left alone."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import msgspec

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.worker_settings import PRESET, WorkerSettings


@dataclass(frozen=True)
class Quota:
    """What one tenant may have the service keep: asked by accept."""

    per_minute: int = 60
    burst: int = 20
    open_jobs: int = 200
    open_bytes: int = 64 * 1024 * 1024

    def packed(self) -> bytes:
        """As the scripts read it."""
        return msgspec.msgpack.encode(asdict(self))

    @classmethod
    def of(cls, settings: ApiSettings) -> "Quota":
        """As the operator has set it."""
        return cls(settings.posts_per_minute, settings.posts_burst, settings.open_jobs, settings.open_bytes)


@dataclass(frozen=True)
class Courtesy:
    """What claim grants, and what a failed attempt changes. `presets` are (connections, messages a minute; 0 for as many as it takes).

    A breaker opens after `faults` in a row, for `rest_ms`, doubled each time it opens again, up to `longest_rest_ms`. A refused sign-in
    leaves its account alone for `refusal_ms`; after `refusals` of them what is queued fails, and new jobs do, until `lock_ms` are over.
    """

    tenant: int = 4
    host: int = 10
    account: int = 2
    presets: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    faults: int = 5
    rest_ms: int = 30_000
    longest_rest_ms: int = 600_000
    refusals: int = 3
    refusal_ms: int = 60_000
    lock_ms: int = 600_000

    def packed(self) -> bytes:
        """As the scripts read it."""
        return msgspec.msgpack.encode(asdict(self))

    @classmethod
    def of(cls, settings: WorkerSettings) -> "Courtesy":
        """As the operator has set it."""
        return cls(
            tenant=settings.tenant_jobs,
            host=settings.host_connections,
            account=settings.account_connections,
            presets=presets(settings.destination_presets),
            faults=settings.breaker_faults,
            rest_ms=_ms(settings.breaker_seconds),
            longest_rest_ms=_ms(settings.breaker_longest_seconds),
            refusals=settings.refusals,
            refusal_ms=_ms(settings.refusal_seconds),
            lock_ms=_ms(settings.lock_seconds),
        )


def presets(words: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """Connections and messages a minute by kind of destination, of words such as `m365=2/25`."""
    found = [match for match in map(PRESET.fullmatch, words) if match]
    return {match["destination"]: (int(match["connections"]), int(match["per_minute"] or 0)) for match in found}


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
