"""Purging: jobs that wait are canceled, by the script by which their submitters could; it speaks to Redis itself."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from dispatcher.commands.programs import settings_of, told_by
from dispatcher.commands.saying import AS_JSON
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import JobUnknown, TooLate, Unavailable
from dispatcher.contracts.job import Lane
from dispatcher.contracts.wire import key
from dispatcher.exits import FAILED, OK, UNREACHABLE

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from dispatcher.contracts.ledger import Ledger

Became = Literal["canceled", "already", "left"]
OTHERS: Final = {"already": "already were", "left": "not: past the final dot, ended or unknown"}


@click.command()
@click.option(
    "--lane", "lanes", multiple=True, type=click.Choice([str(lane) for lane in Lane]), help="What waits in this lane; may be repeated."
)
@click.option("--all", "every", is_flag=True, help="Whatever waits.")
@click.option("--job", "jobs", multiple=True, metavar="ID", help="One job; may be repeated.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@AS_JSON
@click.option("--ready-file", type=click.Path(path_type=Path, dir_okay=False), help="What `up --ready-file` wrote: its Redis is meant.")
def purge(lanes: tuple[str, ...], jobs: tuple[str, ...], ready_file: Path | None, *, every: bool, yes: bool, as_json: bool) -> None:
    """Cancel jobs: their payloads are deleted, their status is `canceled`, callbacks are told. What is past its final dot goes on.

    Exit 1: a job that was named could not be canceled.
    """
    if not (lanes or every or jobs):
        raise click.UsageError("say what: --lane, --all or --job")
    lanes = tuple(Lane) if every else lanes
    if not yes:
        click.confirm(f"Cancel {_named(lanes, jobs)}? It cannot be undone.", abort=True, err=True)
    settings = settings_of(ApiSettings, told_by(ready_file)["api"] if ready_file else None)
    try:
        became = asyncio.run(_purge(settings, lanes, jobs))
    except Unavailable:
        click.echo("Redis does not answer", err=True)
        sys.exit(UNREACHABLE)
    counts = dict.fromkeys(("canceled", "already", "left"), 0) | Counter(became.values())
    words = f"{counts['canceled']} canceled" + "".join(f"; {counts[name]} {why}" for name, why in OTHERS.items() if counts[name])
    click.echo(json.dumps(counts) if as_json else words)
    sys.exit(FAILED if any(became[job_id] == "left" for job_id in jobs) else OK)


def _named(lanes: Iterable[str], jobs: tuple[str, ...]) -> str:
    """What is to be canceled, for a question."""
    named = [f"all that waits in {lane}" for lane in lanes]
    return " and ".join([*named, f"{len(jobs)} job{'s' * (len(jobs) != 1)}"] if jobs else named)


async def _purge(settings: ApiSettings, lanes: Iterable[str], jobs: Iterable[str]) -> dict[str, Became]:
    """What became of each; raises Unavailable."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import track  # noqa: PLC0415

    from dispatcher.api.shards import connect  # noqa: PLC0415 -- after the question, which should come at once
    from dispatcher.contracts.ledger import Ledger  # noqa: PLC0415
    from dispatcher.contracts.scripts import FAILURES  # noqa: PLC0415

    redises = [connect(settings.at(number)) for number in range(settings.shards)]
    ledgers = [Ledger(redis, settings.status_ttl_seconds) for redis in redises]
    try:
        waiting = [(job_id, number) for number, redis in enumerate(redises) for lane in lanes for job_id in await _waiting(redis, lane)]
        found = {job_id: await _place_of(redises, job_id) for job_id in jobs} | dict(waiting)
        each = track(found.items(), "canceling", console=Console(stderr=True), disable=not sys.stderr.isatty())
        return {job_id: await _cancel(redises[number], ledgers[number], job_id) for job_id, number in each}
    except FAILURES:
        raise Unavailable from None
    finally:
        for redis in redises:
            await redis.aclose()


async def _place_of(redises: Sequence["Redis"], job_id: str) -> int:
    """The shard that has it; of a job that is nowhere the first one."""
    for number, redis in enumerate(redises):
        if await redis.exists(key("job", job_id)):
            return number
    return 0


async def _waiting(redis: "Redis", lane: str) -> list[str]:
    """The oldest first."""
    waiting: list[Any] = await redis.zrange(key("waiting", lane), 0, -1)
    return [job_id.decode() for job_id in waiting]


async def _cancel(redis: "Redis", ledger: "Ledger", job_id: str) -> Became:
    """It may have been claimed since it was found, or have ended."""
    kept: list[Any] = await redis.hmget(key("job", job_id), ["tp", "st"])
    tenant, state = kept
    try:
        await ledger.cancel(job_id, (tenant or b"").decode())
    except (TooLate, JobUnknown):
        return "left"
    return "already" if state == b"canceled" else "canceled"
