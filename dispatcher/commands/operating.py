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
from dispatcher.exits import TEMPORARY, UNREACHABLE
from dispatcher.service import Service, as_ours, with_service

SPAN: Final = re.compile(r"([1-9][0-9]{0,3})([mh])")
MINUTES: Final = {"m": 1, "h": 60}
WATCH_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 1.0
QUIET_SIGNS: Final = 2  # a worker's sign of life may overtake what it has just claimed
DRAIN_SECONDS: Final = 330  # beyond the longest wait for the reply to a final dot
PATIENCE_SECONDS: Final = 60.0  # with an API that is started anew


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
            lines = told(stats, why["failures"], why["since"])
            figures = stats | {"failures": why["failures"], "failures_since": why["since"], "hidden_below": why["hidden_below"]}
            return json.dumps(figures) if as_json else "\n".join(lines)

    if not watch:
        click.echo(seen())
        return
    with suppress(KeyboardInterrupt):
        (_redraw if sys.stdout.isatty() and not as_json else _repeat)(lambda: _if_there(seen))


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
        _tell_if_nobody_is_in(pool, _pools_now(service))
    if wait and (why_not := _why_not_empty(service, pool)):
        click.echo(why_not, err=True)
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


def _pools_now(service: Service) -> list[dict[str, Any]]:
    pools: list[dict[str, Any]] = service.ask_patiently("/v1/admin/stats?window=1h", PATIENCE_SECONDS)["now"]["pools"]
    return pools


def _tell_if_nobody_is_in(pool: str, pools: list[dict[str, Any]]) -> None:
    """A pool is named by all lanes that its workers serve; who names one of them drains nothing."""
    working = [found["name"] for found in pools if found["workers"]]
    if pool not in working:
        click.echo(f"no worker is in this pool; there are some in {', '.join(working) or 'none'}", err=True)


def _why_not_empty(service: Service, pool: str) -> str:
    """Nothing once its workers hold no job, by two signs of life that each of them gave since; told on stderr while it lasts."""
    began = since = time.monotonic()
    quiet = 0
    while time.monotonic() < began + DRAIN_SECONDS:
        time.sleep(LOOK_SECONDS)
        asked = time.monotonic()
        with as_ours():
            found = next(found for found in _pools_now(service) if found["name"] == pool)
            busy, is_new = found["busy"], found["heartbeat_seconds"] < asked - since
            if not found["drained_until"]:
                return "the drain is over: its workers claim again"
        if busy:
            quiet = 0
            click.echo(f"{busy} in hand", err=True)
        elif is_new:
            quiet, since = quiet + 1, time.monotonic()
        if quiet == QUIET_SIGNS:
            return ""
    return "its workers still hold jobs"


def _if_there(seen: Callable[[], str]) -> str | None:
    """None while the API is busy or away, which was told on stderr."""
    try:
        return seen()
    except SystemExit as end:
        if end.code not in {TEMPORARY, UNREACHABLE}:
            raise
    return None


def _repeat(seen: Callable[[], str | None]) -> None:
    while True:
        if (lines := seen()) is not None:
            click.echo(lines)
        time.sleep(WATCH_SECONDS)


def _redraw(seen: Callable[[], str | None]) -> None:
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    with Live(Text(seen() or ""), auto_refresh=False) as live:
        while True:
            time.sleep(WATCH_SECONDS)
            if (lines := seen()) is not None:
                live.update(Text(lines), refresh=True)
