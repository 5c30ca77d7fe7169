"""Operating: what stands, and what an operator stops and lets go on; over the admin port."""

import json
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

import click

from dispatcher.commands.saying import AS_JSON, say
from dispatcher.exits import TEMPORARY
from dispatcher.service import Service, as_ours, with_service

SPAN: Final = re.compile(r"([1-9][0-9]{0,3})([mh])")
MINUTES: Final = {"m": 1, "h": 60}
WATCH_SECONDS: Final = 2.0
DRAIN_SECONDS: Final = 330  # beyond the longest wait for the reply to a final dot


def _scopes(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from dispatcher.contracts.pauses import SCOPES  # noqa: PLC0415

    return sorted(scope for scope in SCOPES if scope.startswith(incomplete))


def _pools(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from dispatcher.contracts.records import POOLS  # noqa: PLC0415

    return [pool for pool in POOLS if pool.startswith(incomplete)]


def _with_reason(command: Callable[..., None]) -> Callable[..., None]:
    """With a reason, and a time that is not for ever."""
    command = click.option("--until", metavar="TIME", help="Instead of --for: as 2030-01-31T18:00:00Z.")(command)
    command = click.option("--for", "span", metavar="SPAN", help="As 30m or 2h; a day at the longest.")(command)
    return click.option("--reason", required=True, help="What others are to read; no personal data.")(command)


@click.command()
@click.option("--watch", is_flag=True, help="Show it anew every two seconds, until Ctrl-C.")
@AS_JSON
@with_service
def status(*, watch: bool, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- options
    """Tell what waits, who works, what is stopped, and what happened in the last hour. It asks the admin port."""
    service = Service.found(**options, port="admin")

    def seen() -> str:
        from dispatcher.commands.overview import told  # noqa: PLC0415

        stats, why = (service.ask(f"/v1/admin/{name}?window=1h") for name in ("stats", "failures"))
        with as_ours():
            lines = told(stats, why["failures"])
            figures = stats | {"failures": why["failures"], "failures_since": why["since"], "hidden_below": why["hidden_below"]}
            return json.dumps(figures) if as_json else "\n".join(lines)

    if not watch:
        click.echo(seen())
        return
    with suppress(KeyboardInterrupt):
        (_redraw if sys.stdout.isatty() and not as_json else _repeat)(seen)


@click.command()
@click.argument("scope", shell_complete=_scopes)
@_with_reason
@AS_JSON
@with_service
def pause(scope: str, reason: str, span: str | None, until: str | None, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- options
    """Stop SCOPE for a time: `all`, `lane:bulk`, `destination:m365`, `pool:bulk`, `tenant:NAME`. Its jobs wait, and still expire."""
    wanted = {"scope": _known(scope), "reason": reason, **_end(span, until)}
    begun = Service.found(**options, port="admin").ask("/v1/admin/pauses", wanted)
    with as_ours():
        words = f"{begun['scope']} is paused until {begun['until']}"
    say(begun, words, as_json=as_json)


@click.command()
@click.argument("scope", shell_complete=_scopes)
@AS_JSON
@with_service
def resume(scope: str, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- options
    """End the pause of SCOPE before its time; also that of a drained pool, by the name that it was drained by."""
    from dispatcher.contracts.records import POOLS  # noqa: PLC0415

    scope = _known(f"pool:{scope}" if scope in POOLS else scope)
    left = Service.found(**options, port="admin").ask(f"/v1/admin/pauses/{quote(scope)}", method="DELETE")
    with as_ours():
        others = ", ".join(pause["scope"] for pause in left["pauses"])
        over = "the pause of {} is over" if left["ended"] else "{} was not paused"
    say(left, f"{over.format(scope)}; {f'still paused: {others}' if others else 'no other is left'}", as_json=as_json)


@click.command()
@click.argument("pool", shell_complete=_pools)
@_with_reason
@click.option("--wait", is_flag=True, help=f"Return when its workers hold nothing; exit {TEMPORARY} if that takes over {DRAIN_SECONDS} s.")
@AS_JSON
@with_service
def drain(pool: str, reason: str, span: str | None, until: str | None, *, wait: bool, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- options
    """Have the workers of POOL claim nothing more: `interactive`, `bulk` or `interactive+bulk`. What they hold is finished."""
    wanted = {"scope": _known(f"pool:{pool}"), "reason": reason, **_end(span, until)}
    service = Service.found(**options, port="admin")
    begun = service.ask("/v1/admin/pauses", wanted)
    with as_ours():
        until = begun["until"]
    if wait and not _emptied(service, pool):
        click.echo("its workers still hold jobs", err=True)
        sys.exit(TEMPORARY)
    say(begun, f"{pool} is {'empty' if wait else 'drained'}; it claims nothing until {until}", as_json=as_json)


def _known(scope: str) -> str:
    """The scope; raises UsageError. Which tenants there are the API says."""
    from dispatcher.contracts.pauses import SCOPES, TENANT  # noqa: PLC0415

    if scope in SCOPES or scope.startswith(TENANT):
        return scope
    raise click.UsageError(f"no such scope; there are {', '.join(sorted(SCOPES))} and {TENANT}NAME")


def _end(span: str | None, until: str | None) -> dict[str, object]:
    """When it is over, as the API is told; whether that is soon enough, the API says."""
    if (span is None) == (until is None):
        raise click.UsageError("say when it ends: --for, or --until")
    if span is None:
        return {"until": until}
    found = SPAN.fullmatch(span)
    if not found:
        raise click.UsageError("a span is a number of minutes or hours: 30m or 2h; 24h is the longest")
    return {"minutes": int(found[1]) * MINUTES[found[2]]}


def _emptied(service: Service, pool: str) -> bool:
    """Told on stderr while it lasts; workers show what they hold every half second."""
    time.sleep(1)
    for _ in range(int(DRAIN_SECONDS / WATCH_SECONDS)):
        with as_ours():
            pools = service.ask("/v1/admin/stats?window=1h")["now"]["pools"]
            busy = sum(found["busy"] for found in pools if found["name"] == pool)
            working = [found["name"] for found in pools if found["workers"]]
        if pool not in working:
            click.echo(f"no worker is in this pool; there are some in {', '.join(working) or 'none'}", err=True)
        if not busy:
            return True
        click.echo(f"{busy} in hand", err=True)
        time.sleep(WATCH_SECONDS)
    return False


def _repeat(seen: Callable[[], str]) -> None:
    while True:
        click.echo(seen())
        time.sleep(WATCH_SECONDS)


def _redraw(seen: Callable[[], str]) -> None:
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    with Live(Text(seen()), auto_refresh=False) as live:
        while True:
            time.sleep(WATCH_SECONDS)
            live.update(Text(seen()), refresh=True)
