"""Debug: a tenant's admin looks over the shoulder of her own jobs for a while; the key that opens it stays in a file of hers."""

import json
import re
from base64 import b64decode, b64encode
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Any, Final

import click

from dispatcher.commands.saying import AS_JSON, AS_JSON_LINES, say
from dispatcher.exits import USAGE
from dispatcher.service import Service, as_ours, with_service

PATH: Final = "/v1/debug-sessions"
SPAN: Final = re.compile(r"([1-9][0-9]{0,3})([smh])")
SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
SESSION_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.group()
def debug() -> None:
    """Debug sessions: what mail servers say to your jobs now, masked, and sealed to your key."""


@debug.command("open")
@click.argument("file", type=SESSION_FILE)
@click.option("--for", "span", default="30m", show_default=True, help="As 90s, 30m or 1h, which is the longest.")
@AS_JSON
@with_service
def debug_open(file: Path, span: str, *, as_json: bool, **service: Any) -> None:  # noqa: ANN401 -- options
    """Open a session. FILE is written: the session's id, and the private key that opens what is noted in it."""
    from dispatcher.contracts.files import is_there, write  # noqa: PLC0415
    from dispatcher.contracts.reader_key import new_pair  # noqa: PLC0415

    found = SPAN.fullmatch(span)
    if not found:
        raise click.UsageError("a span is a number and a unit: 90s, 30m or 1h")
    if is_there(file):
        raise click.UsageError("there is such a file already")
    api = Service.found(**service)
    public, private = new_pair()
    wanted = {"ttl_seconds": int(found[1]) * SECONDS[found[2]], "public_key": b64encode(public).decode()}
    kept = {"private_key": b64encode(private).decode()}
    write(file, json.dumps(kept).encode(), 0o600)  # before a session is open that nobody could read
    try:
        session = api.ask(PATH, wanted)
        with as_ours():
            words, kept = f"open until {session['expires_at']}", session | kept | {"id": session["id"]}
    except BaseException as end:
        if isinstance(end, SystemExit) and end.code == USAGE:  # refused for good; a lost answer may have said that it is open
            file.unlink()
        else:
            click.echo(f"it may be open all the same: `debug close {quote(str(file))}` ends it, and deletes the file", err=True)
        raise
    write(file, json.dumps(kept).encode(), 0o600)
    say(session, words, as_json=as_json)


@debug.command("read")
@click.argument("file", type=SESSION_FILE)
@AS_JSON_LINES
@with_service
def debug_read(file: Path, *, as_json: bool, **service: Any) -> None:  # noqa: ANN401 -- options
    """Print what was noted in the session of FILE, the oldest first."""
    session_id, private = _session(file)
    api = Service.found(**service)
    session_id = session_id or _open_now(api, private)
    if not session_id:
        raise click.UsageError("no session of this file is open")
    with as_ours():
        entries = _entries(api, session_id, private)
        lines = [entry.decode() if as_json else _line(json.loads(entry)) for entry in entries]
    click.echo("".join(f"{line}\n" for line in lines), nl=False)


@debug.command("close")
@click.argument("file", type=SESSION_FILE)
@AS_JSON
@with_service
def debug_close(file: Path, *, as_json: bool, **service: Any) -> None:  # noqa: ANN401 -- options
    """End the session of FILE before its time; what was noted in it is gone."""
    from dispatcher.contracts.files import writing  # noqa: PLC0415

    session_id, private = _session(file)
    api = Service.found(**service)
    session_id = session_id or _open_now(api, private)
    if session_id:
        api.ask(f"{PATH}/{session_id}", method="DELETE")
    with writing(file):
        file.unlink()
    say({"id": session_id, "closed": bool(session_id)}, "closed" if session_id else "none was open", as_json=as_json)


def _open_now(api: Service, private: bytes) -> str | None:
    """The tenant's session, for a file that has no id since `open` had no answer; None where what is noted in it is another key's."""
    from dispatcher.contracts.errors import SealBroken  # noqa: PLC0415

    with as_ours():
        for session in api.ask(PATH)["debug_sessions"]:
            session_id: str = session["id"]
            with suppress(SealBroken):
                _entries(api, session_id, private)
                return session_id
    return None


def _entries(api: Service, session_id: str, private: bytes) -> list[bytes]:
    """What was noted, the oldest first; raises SealBroken."""
    from dispatcher.contracts.reader_key import open_with  # noqa: PLC0415
    from dispatcher.contracts.wire import DEBUG_CONTEXT  # noqa: PLC0415

    found = api.ask(f"{PATH}/{session_id}")["entries"]
    return [open_with(private, b64decode(sealed), DEBUG_CONTEXT, session_id) for sealed in found]


def _session(file: Path) -> tuple[str | None, bytes]:
    """The id is None where `open` had no answer."""
    try:
        kept = json.loads(file.read_bytes())
        return kept.get("id"), b64decode(kept["private_key"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise click.UsageError("the file is none that `debug open` wrote") from None


def _line(entry: dict[str, Any]) -> str:
    """One reply, or how a message ended."""
    whose = f"{entry['job'][-8:]} {entry['attempt']}"
    if "reply" in entry:
        code = f"{entry['code']} {entry['enhanced_code'] or ''}".strip()
        return f"{whose}  {entry['ms']:>6} ms  {entry['stage']:<6}  {code:<10}  {entry['reply']}"
    counts = " ".join(f"{number} {fate}" for fate, number in entry.get("recipients", {}).items())
    return "  ".join(word for word in (whose, "ended", entry["stage"], entry["class"], counts) if word)
