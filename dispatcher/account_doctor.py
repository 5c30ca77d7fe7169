"""Account doctor: has a running service sign in to a mail account, and tells each step to a person."""

import json
from typing import IO, Any, Final

import click

from dispatcher.exits import FAILED, OK
from dispatcher.service import NOT_THE_API, Service, not_the_api

MEGABYTE: Final = 1_000_000
EXTENSIONS: Final = {"pipelining": "PIPELINING", "smtputf8": "SMTPUTF8", "chunking": "CHUNKING", "eight_bit_mime": "8BITMIME"}


def verify(file: IO[bytes], service: Service, *, as_json: bool) -> int:
    """Prints what the service found, and gives the exit code."""
    found: dict[str, Any] = service.ask("/v1/accounts/verify", account_check(file.read()))
    try:
        ok, lines = found["ok"], [json.dumps(found)] if as_json else told(found)
    except NOT_THE_API:
        not_the_api()
    click.echo("\n".join(lines))
    return OK if ok else FAILED


def account_check(document: bytes) -> dict[str, object]:
    """The body for the API, from an account, or from a submission that has one; raises UsageError."""
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        raise click.UsageError("the file is not JSON") from None
    if isinstance(found, dict) and "account" in found:
        return {name: found[name] for name in ("account", "from") if name in found}
    if found == "default" or (isinstance(found, dict) and "host" in found):
        return {"account": found}
    raise click.UsageError("the file holds neither an account nor a submission")


def told(found: dict[str, Any]) -> list[str]:
    """A line for each step, then what the server is like."""
    lines = [_step(step) for step in found["steps"]]
    tls, offered = found["tls"], found["capabilities"]
    if tls:
        lines.append(f"  {tls['version']}, certificate good for {tls['days_left']} days, its name matches")
    if offered:
        size = f"up to {offered['size'] / MEGABYTE:.1f} MB" if offered["size"] else "and names no limit of size"
        words = [word for name, word in EXTENSIONS.items() if offered[name]]
        lines.append("  ".join([f"  takes mail {size}", *words, *(f"AUTH {' '.join(offered['auth'])}" for _ in offered["auth"][:1])]))
    return [*lines, "mail can be handed over" if found["ok"] else "mail cannot be handed over"]


def _step(step: dict[str, Any]) -> str:
    line = f"{step['step']:<8} {'ok' if step['ok'] else 'FAIL':<4} {step['milliseconds']:>6} ms"
    if step["ok"]:
        return line
    reply = " ".join(str(step[name]) for name in ("smtp_code", "enhanced_code") if step[name])
    return "  ".join(word for word in (line, step["class"], reply, step["advice"]) if word)
