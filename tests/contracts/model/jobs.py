"""Jobs of the model: a job's record, and what is known of its account."""

from dataclasses import asdict, dataclass

Seat = tuple[str, str]
Why = tuple[str | None, str | None, str | None, str | None]
NO_REASON: Why = (None, None, None, None)
FINAL = frozenset({"sent", "partial", "failed", "expired", "canceled", "unknown"})


@dataclass
class Job:
    """`failure` is class, code, enhanced code and phase; `due` is when something must happen."""

    id: str
    lane: str
    tenant: str
    account: str | None
    host: str | None
    kind: str
    each: int
    size: int
    accepted: int
    deadline: int
    retries_unknown: bool
    tells: bool
    fates: str
    state: str = "queued"
    updated: int = 0
    token: int = 0
    attempts: int = 0
    lease: int | None = None
    due: int | None = None
    sealed: bool = True
    tries: str = ""
    failure: Why = NO_REASON
    permanent: str | None = None
    refused: str = ""
    dot: bool = False
    lost: int = 0
    first: int | None = None
    hand: int | None = None
    call: str | None = None
    forgotten_at: int = 0

    @property
    def queue(self) -> str:
        return f"{self.lane} {self.tenant} {self.account or '-'}"

    @property
    def seats(self) -> list[Seat]:
        """From the narrowest table to the widest."""
        tables = [("t", self.tenant)]
        return [*tables, ("d", self.account), ("h", self.host)] if self.account and self.host else tables

    @property
    def is_final(self) -> bool:
        return self.state in FINAL


@dataclass(frozen=True)
class Breaker:
    """An account's: nought and None stand for what is not known."""

    cap: float | None = None
    faults: int = 0
    refused: int = 0
    rested: int = 0
    rest: int = 0
    locked: int = 0
    trial: int = 0
    why: Why = NO_REASON
    forgotten_at: int = 0

    def written(self) -> dict[str, object]:
        """As Redis has it."""
        facts = asdict(self) | dict(zip(("cls", "code", "esc", "phase"), self.why, strict=True))
        return {name: value for name, value in facts.items() if value and name not in {"why", "forgotten_at"}}


def merged(fates: str, letters: dict[int, str]) -> str:
    return "".join(letters.get(index, letter) for index, letter in enumerate(fates))


def verdict(fates: str) -> str:
    if "u" in fates:
        return "unknown"
    return "sent" if set(fates) == {"a"} else "partial" if "a" in fates else "failed"


def cell(job: Job) -> str:
    return "|".join((job.state, job.failure[0] or "", job.failure[3] or "", job.kind, job.lane))
