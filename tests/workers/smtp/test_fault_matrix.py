"""Fault matrix: whatever a mail server does wrong, at any place and in any TLS mode, its class, phase and fates are those of the table."""

import asyncio
import contextlib
import dataclasses
import itertools
import ssl
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec
import pytest

from dispatcher.contracts.mail import Account, Tls
from tests.workers.smtp.fault import Fault, Kind
from tests.workers.smtp.faulty import Faulty
from tests.workers.smtp.trial import (
    CA,
    CA_PEM,
    LOOPBACK,
    MARK,
    MESSAGE,
    SECRETS,
    TOLD,
    Trial,
    assert_kept_as_told,
    assert_nothing_in_clear,
    attempt,
    server_context,
)
from tests.workers.smtp.wire import Wire
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import Pool

TABLE: Final = Path(__file__).parents[2] / "faults" / "matrix.txt"
MODES: Final = (Tls.NONE, Tls.STARTTLS, Tls.IMPLICIT)
NO_TEST: Final = "-"
SHORT_SECONDS: Final = 0.25
MARGIN_SECONDS: Final = 1.0
PLACES: Final = frozenset("banner ehlo tls handshake ehlo_again auth mail rcpt data body dot rset quit".split())
TAKES_TIME: Final = frozenset({Kind.STALL, Kind.DRIP})
NOT_IN_TABLE: Final = frozenset({Kind.LATE, Kind.UNASKED})
TIMED_BY: Final = {"handshake": "tls", "ehlo_again": "ehlo", "body": "data", "quit": "data"}
OFFERED_BYTES: Final = 50_000_000
MIB: Final = 1_048_576


@dataclasses.dataclass(frozen=True)
class Cell:
    """A row of the table."""

    fault: Fault
    expected: dict[Tls, str]

    def __str__(self) -> str:
        return f"{self.fault.place}-{self.fault.kind}"


def cells() -> list[Cell]:
    lines = [line for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    return [cell(*line.split(maxsplit=2)) for line in lines]


def cell(place: str, kind: str, answers: str) -> Cell:
    answer = [" ".join(words.split()) for words in answers.split("|")]
    return Cell(Fault(place, Kind(kind)), dict(zip(MODES, answer * 3 if len(answer) == 1 else answer, strict=True)))


CELLS: Final = cells()


@pytest.fixture(scope="module")
def context() -> ssl.SSLContext:
    return server_context()


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("trust") / "ca.pem"
    CA.cert_pem.write_to_path(str(path))
    return str(path)


def limits(fault: Fault, ca_file: str) -> SmtpLimits:
    """Short where the fault takes time, and only there: nothing else depends on the speed of the machine."""
    usual = SmtpLimits(ca_file=ca_file, probe_seconds=SHORT_SECONDS, dot_seconds=5)
    if fault.kind not in TAKES_TIME:
        return usual
    pace = {"body_bytes_per_second": 1e6} if fault.place == "body" else {}
    return msgspec.structs.replace(usual, **{f"{TIMED_BY.get(fault.place, fault.place)}_seconds": SHORT_SECONDS}, **pace)


async def in_all_modes(tested: Cell, context: ssl.SSLContext, ca_file: str) -> dict[Tls, Trial]:
    fault, modes = tested.fault, [tls for tls in MODES if tested.expected[tls] != NO_TEST]
    trials = await asyncio.gather(
        *(
            attempt(
                Faulty(fault, context, implicit=tls is Tls.IMPLICIT),
                tls,
                limits(fault, ca_file),
                signs_in=tls is not Tls.NONE or fault.place == "auth",
            )
            for tls in modes
        )
    )
    return dict(zip(modes, trials, strict=True))


@pytest.mark.parametrize("tested", CELLS, ids=str)
def test_a_fault_means_what_the_table_says(tested: Cell, context: ssl.SSLContext, ca_file: str) -> None:
    trials = asyncio.run(in_all_modes(tested, context, ca_file))
    assert {tls: trial.told for tls, trial in trials.items()} == {tls: tested.expected[tls] for tls in trials}
    for tls, trial in trials.items():
        met = tls is not Tls.NONE or tested.fault.place not in {"tls", "auth"}
        assert (trial.server.struck.is_set(), tls) == (met, tls)
        assert trial.seconds <= SHORT_SECONDS + MARGIN_SECONDS
        assert_kept_as_told(trial)
        if tls is not Tls.NONE:
            assert_nothing_in_clear(trial.server)


def test_the_table_has_each_place_and_kind_once() -> None:
    every = itertools.product(PLACES, frozenset(Kind) - NOT_IN_TABLE)
    assert Counter((tested.fault.place, tested.fault.kind) for tested in CELLS) == Counter(every)


def test_without_a_fault_every_mode_is_accepted(context: ssl.SSLContext, ca_file: str) -> None:
    sound = Cell(Fault("nowhere", Kind.DROP), dict.fromkeys(MODES, "accepted"))
    trials = asyncio.run(in_all_modes(sound, context, ca_file))
    assert [trial.told for trial in trials.values()] == ["accepted"] * 3
    for trial in trials.values():
        assert_kept_as_told(trial)


def test_what_is_said_in_clear_would_be_found() -> None:
    trial = asyncio.run(attempt(Faulty(), Tls.NONE, SmtpLimits(), signs_in=False))
    assert [secret for secret in SECRETS if secret in trial.server.heard[0]] == [MARK, b"MAIL FROM", b"RCPT TO"]


@pytest.mark.parametrize("tls", [Tls.NONE, Tls.IMPLICIT])
@pytest.mark.parametrize(
    "said",
    [b"220-" + 990 * b"x" + b"\r\n", b"220-\r\n", b"220 " + 990 * b"x", 990 * b"\0", 500 * b"\r\n"],
    ids=["lines", "short lines", "one line", "nothing readable", "empty lines"],
)
def test_an_endless_greeting_takes_no_memory(said: bytes, tls: Tls, context: ssl.SSLContext) -> None:
    asyncio.run(endless(said, tls, context))  # what is made once is made now
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    told, offered = asyncio.run(endless(said, tls, context))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert told == "protocol_error banner"
    assert offered < OFFERED_BYTES
    assert most - before < MIB


async def endless(said: bytes, tls: Tls, context: ssl.SSLContext) -> tuple[str, int]:
    """What it means, and how much of 50 MB has left the server by then; one packet of it serves for all."""
    offered, packet = 0, said * (65_536 // len(said))

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal offered
        wire = Wire(reader, writer)
        with contextlib.suppress(OSError):
            if tls is Tls.IMPLICIT:
                await wire.secure(context)
            while offered < OFFERED_BYTES:
                wire.say(packet)
                await writer.drain()
                offered += len(packet)
        wire.close()

    async def never(_: frozenset[int]) -> bool:
        return False

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        account = Account(host="127.0.0.1", port=port, tls=tls, ca_pem=None if tls is Tls.NONE else CA_PEM)
        outcome = await Pool(LOOPBACK).transmit(MESSAGE, TOLD, account, fence=never, limits=SmtpLimits())
        for _ in range(5):  # turns in which the server sees it
            await asyncio.sleep(0)
    assert outcome.failure is not None
    return f"{outcome.failure.failure_class} {outcome.failure.phase}", offered
