"""Books: what clients were promised, what Redis says of it and what the sink took, laid side by side; they must agree to the last mail."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from redis import Redis

from tests.faults.kills import Kill
from tests.faults.load import Posted
from tests.faults.seen import Ledger, Mail

FINAL: Final = ("sent", "partial", "failed", "expired", "canceled", "unknown")
KEPT: Final = {"job", "idem", "met", "pool", "pools", "sweeping", "rate", "brk", "replayed", "resting", "shard"}  # they outlive jobs
DOUBTFUL: Final = {"drop-body", "drop-dot", "lose-dot"}  # who hangs up in the body may do so while the dot is on its way
ALLOWED: Final = {"a": (1,), "u": (0, 1), "r": (0,), "p": (0,)}  # copies, by fate


@dataclass(frozen=True)
class Line:
    """One recipient of one job: state and fate by its record, and the mails that the sink took for him."""

    posted: Posted
    state: str
    fate: str
    mails: tuple[Mail, ...]

    def __str__(self) -> str:
        return f"{self.posted.job_id} {self.posted.order.recipients[0]} {self.state}/{self.fate} x{len(self.mails)}"


@dataclass(frozen=True)
class Books:
    records: dict[str, dict[str, str]]
    lines: list[Line]
    sink: Ledger
    counted: dict[str, int]
    left: list[str]
    kills: Sequence[Kill]

    @property
    def states(self) -> dict[str, int]:
        return dict(Counter(record.get("st", "lost") for record in self.records.values()))

    @property
    def doubled(self) -> list[Line]:
        return [line for line in self.lines if len(line.mails) > 1]

    def disagreements(self, *, twice: bool) -> dict[str, list[str]]:
        """Every equation that does not hold, with what breaks it; `twice` allows a second mail where a kill left the first in doubt."""
        known = {(line.posted.message_id, address) for line in self.lines for address in line.posted.order.recipients}
        allowed = [line for line in self.lines if twice and line.fate in "au" and len(line.mails) > 1]
        found: dict[str, list[object]] = {
            "lost": [job for job, record in self.records.items() if not record],
            "not ended": [job for job, record in self.records.items() if record and record["st"] not in FINAL],
            "not as many mails as its fate says": [line for line in self.lines if line not in allowed and not _agrees(line)],
            "twice without a reason": [line for line in allowed if not all(map(self._struck, line.mails[:-1]))],
            "unknown without a reason": [
                (str(line), *map(self._moments, line.mails)) for line in self.lines if line.fate == "u" and not self._explained(line)
            ],
            "taken, but never posted": [
                mail for mail in self.sink.mails if any((mail.message_id, to) not in known for to in mail.recipients)
            ],
            "of more than one date": [name for name, dates in self._dates().items() if len(dates) > 1],
            "left in Redis": list(self.left),
            "ended, but counted otherwise": [] if self.counted == self.states else [self.counted, self.states],
        }
        return {name: list(map(str, culprits))[:10] for name, culprits in found.items() if culprits}

    def _dates(self) -> dict[str, set[str]]:
        dates: dict[str, set[str]] = defaultdict(set)
        for mail in self.sink.mails:
            dates[mail.message_id].add(mail.date)
        return dates

    def _struck(self, mail: Mail) -> bool:
        return any(kill.struck(mail) for kill in self.kills)

    def _moments(self, mail: Mail) -> str:
        """When its answer, the end of its connection and the next kill came, in seconds after its dot."""
        kill = min((kill.after for kill in self.kills if kill.after > mail.dot_at), default=None)
        return ", ".join(f"{at - mail.dot_at:.3f}" if at else "never" for at in (mail.answered_at, mail.ended_at, kill))

    def _explained(self, line: Line) -> bool:
        """The server hung up at the dot; or a kill fell between dot and record; or between the fence and the dot."""
        name = line.posted.message_id
        refused = [mail for mail in self.sink.refused if mail.message_id == name]
        cuts = [cut for cut in self.sink.cuts if cut.message_id == name]
        struck = any(map(self._struck, (*line.mails, *refused))) or any(kill.cut(cut) for cut in cuts for kill in self.kills)
        return struck or line.posted.order.fault in DOUBTFUL

    def table(self) -> str:
        copies: dict[str, Counter[int]] = defaultdict(Counter)
        for line in self.lines:
            copies[line.state][min(len(line.mails), 2)] += 1
        rows = [f"{'':10} {'jobs':>6}   recipients with no mail {'one':>6} {'more':>6}"]
        for state, jobs in sorted(self.states.items()):
            none, one, more = (copies[state][number] for number in range(3))
            rows.append(f"{state:10} {jobs:6} {none:26} {one:6} {more:6}")
        rows.append(f"accepted   {len(self.records):6}   {len(self.sink.mails)} mails at the sink, {len(self.left)} keys left in Redis")
        return "\n".join(rows)


def _agrees(line: Line) -> bool:
    return len(line.mails) in ALLOWED.get(line.fate, ())


def read(posted: Iterable[Posted], redis: "Redis", sink: Ledger, kills: Sequence[Kill] = ()) -> Books:
    """As things stand now."""
    taken: dict[tuple[str, str], list[Mail]] = defaultdict(list)
    for mail in sorted(sink.mails, key=lambda mail: mail.dot_at):
        for address in mail.recipients:
            taken[mail.message_id, address].append(mail)
    records, lines = {}, []
    for each in posted:
        record = _hash(redis, f"bp:job:{each.job_id}")
        records[each.job_id] = record
        for index, address in enumerate(each.order.recipients):
            mails = tuple(taken[each.message_id, address])
            lines.append(Line(each, record.get("st", "lost"), record.get("fates", "?" * 1000)[index], mails))
    return Books(records, lines, sink, _counted(redis), leftovers(redis), kills)


def leftovers(redis: "Redis") -> list[str]:
    """Keys that belong to open jobs; when all have ended there is none."""
    names = [_text(name).removeprefix("bp:") for name in redis.scan_iter("bp:*", 1000)]
    return sorted(name for name in names if name.split(":")[0] not in KEPT)


def settle(redis: "Redis", seconds: float) -> None:
    """Returns when no job is open, or when the time is over: the books then say what is."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and (redis.zcard("bp:sched") or leftovers(redis)):
        time.sleep(0.2)


def balance(title: str, books: Books, *, twice: bool = False) -> None:
    """Prints the books, and asserts that they agree."""
    print(f"\n{title}\n{books.table()}")
    found = books.disagreements(twice=twice)
    assert found == {}, "\n".join(f"{name}: {culprit}" for name, culprits in found.items() for culprit in culprits)


def _counted(redis: "Redis") -> dict[str, int]:
    """The hourly cells by state; those that are nought are left out."""
    states: Counter[str] = Counter()
    for cell in redis.scan_iter("bp:met:??????"):
        for name, number in _hash(redis, _text(cell)).items():
            states[name.split("|")[0]] += int(number)
    return {state: number for state, number in states.items() if number}


def _hash(redis: "Redis", name: str) -> dict[str, str]:
    return {_text(field): _text(value) for field, value in redis.hgetall(name).items()}


def _text(said: object) -> str:
    """Of a client that decodes, or does not."""
    return said.decode() if isinstance(said, bytes) else str(said)
