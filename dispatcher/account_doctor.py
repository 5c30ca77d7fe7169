"""Account doctor: has a running service sign in to a mail account, and tells each step to a person."""

import json
from dataclasses import dataclass
from http.client import HTTPException
from ipaddress import ip_address
from pathlib import Path
from typing import IO, Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit

import click

from dispatcher.calls import ask
from dispatcher.intake.api_keys import well_formed

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
TEMPORARY: Final = 75
EXIT_CODES: Final = {429: TEMPORARY, 500: FAILED, 503: TEMPORARY}
NOT_THE_API: Final = (HTTPException, ValueError, LookupError, TypeError)  # no HTTP, no JSON, or other JSON
MEGABYTE: Final = 1_000_000
EXTENSIONS: Final = {"pipelining": "PIPELINING", "smtputf8": "SMTPUTF8", "chunking": "CHUNKING", "eight_bit_mime": "8BITMIME"}


@dataclass(frozen=True)
class Service:
    """Where the API is, and a key that it knows."""

    url: str
    key: str

    @classmethod
    def found(cls, url: str | None, key_file: Path | None, ready_file: Path | None) -> "Service":
        """As the options name it, and else as `up` wrote it; raises UsageError."""
        facts: dict[str, Any] = {}
        try:
            if ready_file:
                facts = json.loads(ready_file.read_bytes())
            if key_file:
                facts["api_key"] = key_file.read_text().strip()
        except (OSError, ValueError):
            raise click.UsageError("the file that names the API key cannot be read") from None
        service = cls((url or facts.get("api") or "").rstrip("/"), facts.get("api_key") or "")
        if not service.url or not service.key:
            raise click.UsageError("say where the API is: --ready-file, or --api and --key-file")
        if not well_formed(service.key):
            raise click.UsageError("what the file holds is not an API key")
        if not service.is_private:
            raise click.UsageError("the account would travel in clear: an API on another machine is asked by https://")
        return service

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way reads what it is told."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return False
        return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname or "")))


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return False


def verify(file: IO[bytes], service: Service, *, as_json: bool) -> int:
    """Prints what the service found, and gives the exit code."""
    body = account_check(file.read())
    headers = {"Authorization": f"Bearer {service.key}", "Content-Type": "application/json"}
    try:
        found: dict[str, Any] = ask(f"{service.url}/v1/accounts/verify", headers, body)
        ok, lines = found["ok"], [json.dumps(found)] if as_json else told(found)
    except HTTPError as error:
        return refused(error)
    except OSError:
        click.echo("the API does not answer", err=True)
        return UNREACHABLE
    except NOT_THE_API:
        click.echo("what answers there is not the API", err=True)
        return UNREACHABLE
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


def refused(error: HTTPError) -> int:
    """Tells the problem document, which repeats nothing of the account; gives the exit code."""
    try:
        problem: dict[str, Any] = json.loads(error.read())
        lines = [f"{problem['title']}. {problem['detail']}"]
        lines += [f"  {flaw['pointer'] or '/'}  {flaw['code']}" for flaw in problem.get("errors", [])]
        lines += [f"  again in {problem['retry_after']} s"] if "retry_after" in problem else []
    except (OSError, *NOT_THE_API):
        click.echo("what answers there is not the API", err=True)
        return UNREACHABLE
    click.echo("\n".join(lines), err=True)
    return EXIT_CODES.get(error.code, USAGE)


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
