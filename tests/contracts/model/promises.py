"""Promises: what must hold of the keys in Redis at any moment, told from the keys alone."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from dispatcher.contracts.courtesy import Courtesy
from tests.contracts.model.jobs import FINAL
from tests.contracts.model.keys import Value
from tests.contracts.model.queues import LANES

IN_HAND = frozenset({"sending", "committing"})
Seat = tuple[str, str]


class Promises:
    """One look at Redis at a moment; `broken` names what does not hold."""

    def __init__(self, values: Mapping[str, Value], ends: Mapping[str, int], now: int, courtesy: Courtesy) -> None:
        self.values, self.ends, self.now, self.courtesy = values, ends, now, courtesy
        self.jobs: dict[str, dict[str, str]] = dict(self.of_kind("job"))
        self.queues: dict[str, list[str]] = {" ".join(rest): ids for rest, ids in self.lists("run") if len(rest) == 3}
        self.rings = [" ".join((*rest, account)) for rest, accounts in self.lists("run") if len(rest) == 2 for account in accounts]
        self.lines = dict(self.split("wait"))

    def broken(self) -> list[str]:
        return [name for name, holds in vars(Promises).items() if name.startswith(("every_", "no_")) and not holds(self)]

    # jobs

    def no_payload_is_left_after_the_end(self) -> bool:
        return not [job_id for job_id, job in self.jobs.items() if job["st"] in FINAL and f"pay:{job_id}" in self.values]

    def no_payload_lives_beyond_its_deadline(self) -> bool:
        deadlines = {f"pay:{job_id}": float(job["deadline"]) for job_id, job in self.jobs.items()}
        return all(self.ends[name] == deadlines[name] for name in self.values if name.startswith("pay:"))

    def no_job_ends_with_somebody_in_flight(self) -> bool:
        return not [job_id for job_id, job in self.jobs.items() if job["st"] in FINAL and "f" in job["fates"]]

    def every_open_job_is_scheduled(self) -> bool:
        return set(self.values.get("sched", ())) == {job_id for job_id, job in self.jobs.items() if job["st"] not in FINAL}

    def every_lease_is_of_a_job_in_hand(self) -> bool:
        return all(("lease" in job) == (job["st"] in IN_HAND) for job in self.jobs.values())

    def every_open_job_is_counted_for_its_tenant(self) -> bool:
        jobs = Counter(job["tp"] for job in self.jobs.values() if job["st"] not in FINAL)
        size = Counter[str]()
        for job in self.jobs.values():
            size[job["tp"]] += 0 if job["st"] in FINAL else int(float(job["bytes"]))
        return {name: {"jobs": repr(float(jobs[name])), "bytes": repr(float(size[name]))} for name in jobs} == dict(self.of_kind("open"))

    def every_end_is_told_to_who_asked(self) -> bool:
        return set(self.values.get("tell", ())) == {job_id for job_id, job in self.jobs.items() if "cb" in job and job["st"] in FINAL}

    def every_end_is_counted(self) -> bool:
        counted = Counter[str]()
        for hour, numbers in self.of_kind("met"):
            for name, number in numbers.items():
                counted[name.partition("|")[0]] += int(float(number)) if hour.isdigit() else 0
        return +counted == Counter(job["st"] for job in self.jobs.values() if job["st"] in FINAL)

    def every_end_is_counted_in_minutes_and_hours(self) -> bool:
        ended = Counter(f"ended|{job['lane']}|{job['st']}" for job in self.jobs.values() if job["st"] in FINAL)
        return all(self.counts(span, "ended") == ended for span in ("m", "h"))

    def every_job_is_counted_once_when_it_was_accepted(self) -> bool:
        accepted = Counter(f"accepted|{job['lane']}" for job in self.jobs.values())
        return self.counts("h", "accepted") == accepted

    def no_counter_falls_below_what_is_left_of_it(self) -> bool:
        ever = {name: float(number) for name, number in self.values.get("met:total", {}).items()}  # type: ignore[union-attr]
        return all(ever.get(name, 0) >= number for name, number in self.counts("h").items())

    def every_sealed_byte_is_counted(self) -> bool:
        size = sum(float(job["bytes"]) for job in self.jobs.values() if job["st"] not in FINAL)
        return float(self.values.get("met:open", {}).get("bytes", "0")) == size  # type: ignore[union-attr]

    def every_account_at_rest_is_known_as_such(self) -> bool:
        at_rest = {name for name, known in self.of_kind("brk") if float(known.get("rest", 0)) > self.now}
        return at_rest == {name for name, until in dict(self.values.get("resting", {})).items() if float(until) > self.now}

    def counts(self, span: str, kind: str = "") -> Counter[str]:
        """What is not nought, of all minutes or hours."""
        found = Counter[str]()
        for rest, numbers in self.split("met"):
            if rest[0] == span and isinstance(numbers, dict):
                found.update({name: int(float(number)) for name, number in numbers.items() if name.startswith(kind)})
        return +found

    # queues

    def every_queued_job_waits_once(self) -> bool:
        waiting = [job_id for ids in self.queues.values() for job_id in ids]
        queued = {job_id for job_id, job in self.jobs.items() if job["st"] == "queued"}
        return len(waiting) == len(set(waiting)) and queued <= set(waiting)

    def every_queue_stands_in_one_place(self) -> bool:
        places = [*self.rings, *(name for line in self.lines.values() for name in line), *self.values.get("park", ())]
        return sorted(places) == sorted(self.queues)

    def every_ring_has_the_tenants_of_its_queues(self) -> bool:
        tenants = {lane: sorted({name.split()[1] for name in self.rings if name.split()[0] == lane}) for lane in LANES}
        return tenants == {lane: sorted(self.values.get(f"run:{lane}", ())) for lane in LANES}

    # seats

    def every_job_in_hand_has_its_seats(self) -> bool:
        seats = {(seat, job_id, job["lease"]) for job_id, job in self.jobs.items() if job["st"] in IN_HAND for seat in seats_of(job)}
        taken = {((kind, name), job_id, until) for (kind, name), held in self.tables() for job_id, until in held.items()}
        return seats == taken

    def no_seat_stays_free_while_somebody_waits(self) -> bool:
        """Unless somebody who sits there stands in the ring of the same lane, or the sweep has to clear the seat of a dead worker."""
        return not [
            line
            for (kind, name, lane) in self.lines
            if (line := (kind, name)) and not self.is_full(line) and not self.is_called(line, lane) and not self.has_dead(line)
        ]

    def is_full(self, seat: Seat) -> bool:
        return self.taken(seat) >= self.most(seat)

    def taken(self, seat: Seat) -> int:
        return sum(float(until) >= self.now for until in dict(self.tables()).get(seat, {}).values())

    def has_dead(self, seat: Seat) -> bool:
        return any(float(until) < self.now for until in dict(self.tables()).get(seat, {}).values())

    def is_called(self, seat: Seat, lane: str) -> bool:
        return any(seat in seats_of(self.first_of(name)) for name in self.rings if name.split()[0] == lane)

    def most(self, seat: Seat) -> int:
        if seat[0] != "d":
            return self.courtesy.tenant if seat[0] == "t" else self.courtesy.host
        kind = next(job["dclass"] for job in self.jobs.values() if job.get("dp") == seat[1])
        connections, _ = self.courtesy.presets.get(kind, (self.courtesy.account, 0))
        breaker = dict(self.of_kind("brk")).get(seat[1], {})
        return 1 if "trial" in breaker else math.floor(min(connections, float(breaker.get("cap", connections))))

    def first_of(self, name: str) -> dict[str, str]:
        return self.jobs[self.queues[name][0]]

    # keys

    def tables(self) -> Iterator[tuple[Seat, dict[str, str]]]:
        yield from (((rest[0], rest[1]), held) for rest, held in self.split("sem") if isinstance(held, dict))

    def of_kind(self, kind: str) -> Iterator[tuple[str, dict[str, str]]]:
        yield from ((rest[0], value) for rest, value in self.split(kind) if isinstance(value, dict))

    def lists(self, kind: str) -> Iterator[tuple[tuple[str, ...], list[str]]]:
        yield from ((rest, value) for rest, value in self.split(kind) if isinstance(value, list))

    def split(self, kind: str) -> Iterator[tuple[tuple[str, ...], Value]]:
        for name, value in self.values.items():
            first, *rest = name.split(":")
            if first == kind:
                yield tuple(rest), value


def seats_of(job: Mapping[str, str]) -> list[Seat]:
    tables = [("t", job["tp"])]
    return [*tables, ("d", job["dp"]), ("h", job["hp"])] if "dp" in job else tables
