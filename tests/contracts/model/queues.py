"""Queues of the model: where jobs wait, and who sits where."""

from collections import defaultdict
from dataclasses import dataclass, field

from dispatcher.contracts.courtesy import Courtesy
from tests.contracts.model.accounts import Accounts
from tests.contracts.model.jobs import Job, Seat

LANES = ("interactive", "bulk")
LOOK_AGAIN_MS = 5000


@dataclass
class Queues:
    """A queue's name is its lane, tenant and account; `called` tells from which line, and since when it had stood there."""

    courtesy: Courtesy
    lists: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    rings: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    lines: dict[tuple[str, str, str], dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    called: dict[str, tuple[str, float]] = field(default_factory=dict)
    parked: dict[str, int] = field(default_factory=dict)
    seated: dict[Seat, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    pauses: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.accounts = Accounts(self.courtesy)

    def pass_time(self, now: int) -> None:
        self.accounts.pass_time(now)
        self.pauses = {scope: end for scope, end in self.pauses.items() if end >= now}

    # in the ring

    def add(self, job: Job, *, first: bool = False) -> bool:
        """Whether that made a lane runnable that was not."""
        ids = self.lists[job.queue]
        ids.insert(0 if first else len(ids), job.id)
        return len(ids) == 1 and self.enter(job.queue)

    def enter(self, name: str) -> bool:
        lane, tenant, account = name.split()
        self.rings[f"{lane}:{tenant}"].append(account)
        if len(self.rings[f"{lane}:{tenant}"]) > 1:
            return False
        self.rings[lane].append(tenant)
        return len(self.rings[lane]) == 1

    def turn(self, lane: str) -> str | None:
        """The queue whose turn it is; it is the last of its rings from now on."""
        tenants = self.rings[lane]
        if not tenants:
            return None
        tenants.append(tenants.pop(0))
        accounts = self.rings[f"{lane}:{tenants[-1]}"]
        accounts.append(accounts.pop(0))
        return f"{lane} {tenants[-1]} {accounts[-1]}"

    def leave_ring(self, name: str) -> None:
        lane, tenant, account = name.split()
        self.rings[f"{lane}:{tenant}"].remove(account)
        if not self.rings[f"{lane}:{tenant}"]:
            self.rings[lane].remove(tenant)

    def take_first(self, name: str) -> None:
        self.called.pop(name, None)
        self.lists[name].pop(0)
        if not self.lists[name]:
            self.leave_ring(name)

    # aside

    def hindrance(self, job: Job, now: int) -> Seat | int | None:
        """The table that is full, or the moment before which the job may not be in hand."""
        pause = max(self.pauses.get(f"tenant:{job.tenant}", 0), self.pauses.get(f"destination:{job.kind}", 0))
        if pause > now:
            return min(pause, now + LOOK_AGAIN_MS)
        if self.accounts.breaker(job).rest > now:
            return self.accounts.breaker(job).rest
        full = next((seat for seat in job.seats if not self.has_room(seat, job, now)), None)
        return full or self.accounts.too_early(job, now)

    def step_aside(self, name: str, hindrance: Seat | int, now: int) -> None:
        """At the old place in the line, if that is where it was called from."""
        self.leave_ring(name)
        kind, since = self.called.pop(name, ("", 0))
        if isinstance(hindrance, int):
            self.parked[name] = hindrance
            return
        line = self.lines[*hindrance, name.partition(" ")[0]]
        line[name] = since if kind == hindrance[0] else max(now, max(line.values(), default=0) + 1 / 1024)

    # at the tables

    def sit(self, job: Job, until: int) -> None:
        for seat in job.seats:
            self.seated[seat][job.id] = until

    def get_up(self, job: Job) -> None:
        for seat in reversed(job.seats):
            if self.seated[seat].pop(job.id, None) is not None:
                self.call_from(seat)

    def let_follow(self, job: Job, now: int) -> None:
        for seat in reversed(job.seats):
            if self.has_room(seat, job, now):
                self.call_from(seat)

    def call_from(self, seat: Seat) -> None:
        for line in (self.lines[*seat, lane] for lane in LANES):
            if line:
                since, name = min((since, name) for name, since in line.items())
                del line[name]
                self.called[name] = (seat[0], since)
                self.enter(name)

    def has_room(self, seat: Seat, job: Job, now: int) -> bool:
        return sum(until >= now for until in self.seated[seat].values()) < self.accounts.most(seat, job)
