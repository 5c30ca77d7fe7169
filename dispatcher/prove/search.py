"""Search: all seventeen sinks of a subject, one after the other; its processes are dead at the end."""

from typing import Final

from dispatcher.prove import sinks
from dispatcher.prove.sinks import Reading
from dispatcher.prove.subject import CONTROL, Subject

SEEN_BY_ITSELF: Final = {11, 12, 14, 17}  # answers, calls, and ends of processes: nothing is put there, as only the service speaks


def search(subject: Subject) -> dict[int, Reading]:
    """A reading by the sink's number."""
    subject.ears.close()
    found = _in_redis(subject) | _in_processes(subject) | _in_the_open(subject)
    everybody = subject.pids["api"] + subject.pids["worker"]
    found[17] = sinks.cores(subject.canaries, everybody, subject.die, subject.core_folders)
    found[8], found[9] = (sinks.outputs(subject.canaries, subject.outputs[role]) for role in ("worker", "api"))
    for number, reading in found.items():
        reading.control(CONTROL)
        reading.seen |= number in SEEN_BY_ITSELF and reading.octets > 0 and not reading.missed
    return found


def _in_redis(subject: Subject) -> dict[int, Reading]:
    canaries, redis = subject.canaries, subject.redis
    found = {
        1: sinks.of(canaries, *subject.dumps),
        2: sinks.of(canaries, bytes(subject.ears.monitor.heard)),
        3: sinks.of(canaries, bytes(subject.ears.channels.heard)),
        4: sinks.of(canaries, sinks.saved_by(redis)),
        5: sinks.of(canaries, sinks.told_by(redis)),
    }
    for reading in found.values():
        reading.spare(subject.foreign)
    return found


def _in_processes(subject: Subject) -> dict[int, Reading]:
    canaries, pids = subject.canaries, subject.pids
    api, redis = sinks.memory(canaries, pids["api"]), sinks.memory(canaries, pids["redis"])
    api.spare(subject.known)
    redis.spare(subject.foreign)
    everybody = [pid for role in sorted(pids) for pid in pids[role]]
    return {6: sinks.memory(canaries, pids["worker"]), 7: api.beside(redis), 16: sinks.starts(canaries, everybody)}


def _in_the_open(subject: Subject) -> dict[int, Reading]:
    canaries, wire = subject.canaries, subject.ears.wire
    captured = sinks.of(canaries, wire.heard(subject.ports)) if wire else Reading(missed="capturing takes root")
    captured.spare(subject.foreign)
    return {
        10: sinks.of(canaries, *subject.envelopes),
        11: sinks.of(canaries, *subject.told),
        12: sinks.of(canaries, *subject.answers),
        13: captured,
        14: sinks.opened_files(canaries, subject.ears.calls.told()),
        15: subject.folders.reading(canaries),
    }
