"""Fuzz seals: sealed jobs, enclosed submissions and answers, bred by atheris, at whoever opens them; what is not right is broken, no more.

python tests/fuzz/fuzz_seals.py -max_total_time=600    ten minutes of it; every argument is libFuzzer's
"""

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["dispatcher"]):
    import msgspec

    from dispatcher.contracts.callbacks import packed, unpacked
    from dispatcher.contracts.disclose import disclose
    from dispatcher.contracts.errors import SealBroken, SubmissionInvalid
    from dispatcher.contracts.job import Callback, Enclosed, Job, Terms
    from dispatcher.contracts.one_time import OneTimeKey, seal_answer
    from dispatcher.contracts.questions import Question
    from dispatcher.contracts.rotation import new_key
    from dispatcher.contracts.seal import Binding, OpeningKeys, SealingKeys
    from dispatcher.contracts.secret import Secret
    from dispatcher.contracts.suites import BY_NUMBER
    from dispatcher.contracts.unpack import unpack
    from tests.fuzz import bred
    from tests.fuzz.journeys import PLACES, SETTINGS, submission

BINDING = Binding("tenant", "01JDEXAMPLE00000000000000A", 1_764_000_000_000)
POSTED = submission({place: [f"{place}@example.org"] for place in PLACES})


class Room:
    """Keys of every suite, and one of each thing that is sealed."""

    def __init__(self, path: Path) -> None:
        for suite in BY_NUMBER.values():
            new_key(path / "public", path / "private", path / "secret", suite.name)
        self.secret = Secret.read(path / "secret")
        self.sealing = [SealingKeys(path / "public", self.secret, suite.name) for suite in BY_NUMBER.values()]
        self.keys = OpeningKeys(path / "private", self.secret)
        self.key = self.sealing[0].active()
        self.opened = [
            msgspec.msgpack.encode(Job(POSTED, "<1@example.org>")),
            msgspec.msgpack.encode(self.enclosed(msgspec.json.encode(POSTED))),
            packed(Callback("https://example.org", "secret")),
        ]
        self.sealed = [keys.seal(opened, BINDING) for keys in self.sealing for opened in self.opened]

    def enclosed(self, body: bytes) -> Enclosed:
        """What a client has sealed end to end."""
        empty = Enclosed(b"", self.key.kid, "acme", "key-00001", Terms())
        return msgspec.structs.replace(empty, blob=self.key.suite.sealed(body, self.key.public, empty.info))


def broken(room: Room, sealed: bytes, binding: Binding = BINDING) -> bool:
    """Whether it does not open to a job; raises what nobody expects."""
    try:
        job = disclose(sealed, binding, room.keys, SETTINGS)
    except (SealBroken, SubmissionInvalid):
        return True
    assert isinstance(job, Job)
    return False


def changed(provider: bred.Provider, whole: bytes) -> bytes:
    """A copy with some bytes put, lost, doubled or flipped."""
    copy = bytearray(whole)
    for _ in range(provider.ConsumeIntInRange(1, 3)):
        at = provider.ConsumeIntInRange(0, len(copy))
        to = at + provider.ConsumeIntInRange(0, 8)
        copy[at:to] = copy[at:to] * 2 if provider.ConsumeBool() else provider.ConsumeBytes(8)
    return bytes(copy)


def named(provider: bred.Provider, name: str) -> str:
    """That name for the most part, else whatever can be written in UTF-8."""
    return name if provider.ConsumeIntInRange(0, 3) else bred.text(provider, 3).encode(errors="replace").decode()


def assert_outside(room: Room, provider: bred.Provider) -> None:
    """Who can write to Redis, but was not admitted, changes nothing unnoticed."""
    whole = provider.PickValueInList(room.sealed)
    sealed = changed(provider, whole) if provider.ConsumeBool() else provider.ConsumeBytes(256)
    assert broken(room, sealed) or sealed in room.sealed
    other = Binding(named(provider, BINDING.tenant), named(provider, BINDING.job_id), provider.ConsumeIntInRange(0, 1 << 53))
    assert broken(room, whole, other) or other == BINDING


def assert_admitted(room: Room, provider: bred.Provider) -> None:
    """What was sealed by who holds every key, and is no job."""
    opened = changed(provider, provider.PickValueInList(room.opened)) if provider.ConsumeBool() else provider.ConsumeBytes(256)
    broken(room, provider.PickValueInList(room.sealing).seal(opened, BINDING))
    for unpacking in (unpacked, lambda text: unpack(text, Question)):
        with contextlib.suppress(SealBroken):
            unpacking(opened)


def assert_enclosed(room: Room, provider: bred.Provider) -> None:
    """What a client may seal: anything at all, under any key's name."""
    body = changed(provider, msgspec.json.encode(POSTED)) if provider.ConsumeBool() else provider.ConsumeBytes(256)
    enclosed = room.enclosed(body)
    blob = changed(provider, enclosed.blob) if provider.ConsumeBool() else enclosed.blob
    names = {name: named(provider, getattr(enclosed, name)) for name in ("kid", "tenant", "idempotency_key")}
    broken(room, room.sealing[0].seal(msgspec.msgpack.encode(msgspec.structs.replace(enclosed, blob=blob, **names)), BINDING))


def assert_answer(room: Room, provider: bred.Provider) -> None:
    """What a worker, or who pretends to be one, has put where an answer is looked for."""
    del room
    key = OneTimeKey()
    sealed = seal_answer(b"answer", key.public, "question")
    for attempt in (changed(provider, sealed), provider.ConsumeBytes(256)):
        try:
            assert key.open(attempt, "question") == b"answer"
        except SealBroken:
            continue
        assert attempt == sealed
    with contextlib.suppress(SealBroken):
        seal_answer(b"answer", provider.ConsumeBytes(40), "question")


WAYS = (assert_outside, assert_admitted, assert_enclosed, assert_answer)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        room = Room(Path(folder))

        def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that atheris' users look for
            provider = atheris.FuzzedDataProvider(data)
            way = provider.PickValueInList(list(WAYS))
            with bred.told((way.__name__, data)):
                way(room, provider)

        atheris.Setup([sys.argv[0], *bred.OPTIONS, *sys.argv[1:]], TestOneInput)
        atheris.Fuzz()
