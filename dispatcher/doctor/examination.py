"""Examination: every question, asked of one program's settings or of both's; strict is a start that takes no red answer."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.hardening import Hardening
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.worker_settings import WorkerSettings
from dispatcher.doctor.callers import callers
from dispatcher.doctor.files import secret_files
from dispatcher.doctor.findings import Finding, State, merged
from dispatcher.doctor.hardening import hardening
from dispatcher.doctor.machine import machine
from dispatcher.doctor.opt_outs import opt_outs
from dispatcher.doctor.redis import ROOM, answers, redis
from dispatcher.doctor.sealing import sealing
from dispatcher.doctor.software import software
from dispatcher.doctor.trial import Trial, Trying
from dispatcher.doctor.workers import workers

INCOMPLETE: Final = "not whole here; the log of the start says what is lacking"


class StrictlyRefused(Misconfigured):
    """BEAMPOST_STRICT is true, and the doctor found something red."""

    found: tuple[Finding, ...] = ()

    @classmethod
    def by(cls, found: Iterable[Finding]) -> "StrictlyRefused":
        """With what is red."""
        refused = cls()
        refused.found = tuple(found)
        return refused

    def __str__(self) -> str:
        return "BEAMPOST_STRICT is true: " + "; ".join(f"{one.name}: {one.seen} -> {one.cure}" for one in self.found)


async def examined(programs: Iterable[SharedSettings], trying: Trying) -> list[Finding]:
    """All findings; `programs` are their settings. Whether workers live is asked where a worker's settings are."""
    settings = list(programs)
    asked = await asyncio.gather(*(_asked(one) for one in settings))
    trial = trying.result()
    told = [_of(one, found + before_start(one, trial)) for one, found in zip(settings, asked, strict=True)]
    return merged(finding for found in told for finding in found)


async def attended(settings: ApiSettings, hardening: Hardening) -> list[Finding]:
    """Of a running API by itself, and of the workers: what it gave up at its start is not tried again, for it may start no program."""
    own = Trial(hardening.wipe == "ok", "" if hardening.sandbox == "ok" else INCOMPLETE)
    found, known = await _asked(settings), await asyncio.to_thread(before_start, settings, own)
    return merged([*found, *(await workers(settings) if answers(found) else ()), *known])


async def _asked(settings: SharedSettings) -> list[Finding]:
    found = await redis(settings)
    if isinstance(settings, WorkerSettings) and answers(found):
        return found + await workers(settings)
    return found


def before_start(settings: SharedSettings, trial: Trial | None) -> list[Finding]:
    """All that can be known without Redis."""
    found = [*machine(settings), *hardening(settings, trial), *secret_files(settings), *opt_outs(settings), *software()]
    if isinstance(settings, WorkerSettings):
        return found + sealing(settings, settings.private_keys)
    return found + sealing(settings) + (callers(settings) if isinstance(settings, ApiSettings) else [])


def require_no_red(settings: SharedSettings) -> None:
    """Before a strict start; raises StrictlyRefused.

    A Redis that is away is looked at by the program itself, once it is there; one that is full is no reason to stay away from it.
    """
    trying = Trying()
    found = asyncio.run(redis(settings)) + before_start(settings, trying.result())
    wrong = [finding for finding in found if finding.state is State.RED and finding.subject != ROOM]
    if wrong:
        raise StrictlyRefused.by(wrong)


def _of(settings: SharedSettings, found: list[Finding]) -> list[Finding]:
    return [replace(finding, of="api" if isinstance(settings, ApiSettings) else "worker") for finding in found]
