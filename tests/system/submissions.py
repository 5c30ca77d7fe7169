"""Submissions: a small valid one to start from, and its variations by JSON Pointer."""

import copy
import socket
from typing import Any

from catcher.process import Running


def account(catcher: Running, tls: str = "starttls") -> dict[str, Any]:
    """The catcher, by one of its three doors."""
    port = {"starttls": catcher.starttls_port, "implicit": catcher.implicit_port, "none": catcher.plain_port}[tls]
    if tls == "none":
        return {"host": "localhost", "port": port, "tls": tls}
    auth = {"kind": "password", "user": catcher.user, "password": catcher.password}
    return {"host": "localhost", "port": port, "tls": tls, "auth": auth, "ca_pem": catcher.ca_pem}


def submission(account: dict[str, Any], *to: str) -> dict[str, Any]:
    """One page to these addresses."""
    return {
        "from": {"name": "Jane Doe", "address": "jane@example.com"},
        "to": [{"address": address} for address in to or ("max@example.org",)],
        "subject": "Release notes",
        "page": {"title": "Release notes", "body": "<p>Hello</p>", "url": "https://acme.example/wiki/pages/42"},
        "site": {"url": "https://acme.example/wiki", "name": "Acme Wiki"},
        "account": account,
    }


def changed(document: dict[str, Any], *changes: tuple[str, object]) -> dict[str, Any]:
    """A copy with other values at these pointers (RFC 6901); objects on the way are made where there are none."""
    new = copy.deepcopy(document)
    for pointer, value in changes:
        place: Any = new
        *steps, last = pointer.removeprefix("/").split("/")
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        place[int(last) if isinstance(place, list) else last] = value
    return new


def without(document: dict[str, Any], pointer: str) -> dict[str, Any]:
    """A copy that lacks what is at the pointer."""
    new = copy.deepcopy(document)
    place: Any = new
    *steps, last = pointer.removeprefix("/").split("/")
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place[step]
    del place[last]
    return new


def nobody() -> dict[str, Any]:
    """An account at a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return {"host": "127.0.0.1", "port": port, "tls": "none"}
