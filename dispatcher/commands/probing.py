"""Probing: what is called every few seconds or at every keystroke, and so loads next to nothing."""

import os
import socket
import sys
from collections.abc import Mapping
from typing import Final

import click

from dispatcher.exits import UNREACHABLE

ANSWER_SECONDS: Final = 2.0
DEFAULTS: Final = {"BEAMPOST_API_HOST": "127.0.0.1", "BEAMPOST_API_PORT": "8080"}  # a test holds them to the settings
MOST_BYTES: Final = 65_536
HIGHEST_PORT: Final = 65_535
WELL: Final = 200


@click.command()
def health() -> None:
    """Exit 0 while the API of this machine's settings lives."""
    host, port = where(os.environ)
    try:
        status, body = get(host, port, "/livez")
    except OSError:
        status, body = 0, b""
    if status != WELL:
        click.echo("the API does not answer", err=True)
        sys.exit(UNREACHABLE)
    click.echo(body)


def where(environment: Mapping[str, str]) -> tuple[str, int]:
    """Host and port of the API, as its settings would say; a host that stands for all is asked here. Raises as `read` does."""
    told = DEFAULTS | {name.upper(): value for name, value in environment.items() if value and name.upper() in DEFAULTS}
    host, port = told.values()
    if not (port.isascii() and port.isdecimal() and int(port) <= HIGHEST_PORT):  # let whoever knows all settings judge
        from dispatcher.contracts.api_settings import ApiSettings  # noqa: PLC0415
        from dispatcher.contracts.settings import read  # noqa: PLC0415

        port = str(read(ApiSettings).api_port)
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), int(port)  # noqa: S104 -- read, not bound


def get(host: str, port: int, path: str) -> tuple[int, bytes]:
    """Status and body, by HTTP/1.1 (RFC 9112) as far as our own API speaks it; raises OSError."""
    with socket.create_connection((host, port), ANSWER_SECONDS) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while (more := connection.recv(MOST_BYTES)) and len(answer) < MOST_BYTES:
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    return (int(words[1]) if len(words) > 1 and words[0] == b"HTTP/1.1" and words[1].isdigit() else 0), body


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete our commands: `eval "$(beampost completion bash)"`."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    found = get_completion_class(shell)
    if found is not None:
        click.echo(found(context.find_root().command, {}, "beampost", "_BEAMPOST_COMPLETE").source())
