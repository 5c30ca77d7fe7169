"""The catcher as a command: opens its four doors, tells where they are in one line of JSON, serves until SIGTERM or SIGINT."""

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn

from catcher import authority
from catcher.faults import Deferrals
from catcher.inbox import Inbox
from catcher.pages import Pages
from catcher.smtp import SIZE_BYTES, Catch, Doors, Login

USAGE: Final = 2  # as argparse ends
HIGHEST_PORT: Final = 65_535


class PageServer(uvicorn.Server):
    """uvicorn that leaves the signals to us, so that the mail doors close too and the exit status is 0."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def main() -> None:
    logging.getLogger("mail.log").disabled = True  # aiosmtpd's own log names addresses
    asyncio.run(_serve(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="catcher", description="A mail server that keeps everything in memory and shows it.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=_port, default=0, help="the port with STARTTLS; 0 takes a free one")
    parser.add_argument("--smtps-port", type=_port, default=0, help="the port with TLS from the first byte")
    parser.add_argument("--plain-port", type=_port, default=0, help="the port in clear, where nobody can sign in")
    parser.add_argument("--http-port", type=_port, default=0, help="the port of the inbox pages")
    parser.add_argument("--user", default="demo")
    parser.add_argument("--password", default="demo")
    parser.add_argument("--size-bytes", type=int, default=SIZE_BYTES, help="the largest mail taken")
    ready = parser.add_mutually_exclusive_group()
    ready.add_argument("--ready-fd", type=int, default=sys.stdout.fileno(), help="writes the ready line here; stdout by default")
    ready.add_argument("--ready-file", type=Path, help="writes the ready line to this file, mode 0600, whole or not at all")
    return parser.parse_args()


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number up to {HIGHEST_PORT}")
    return int(text)


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    inbox, deferrals = Inbox(), Deferrals()
    ca_pem, tls = authority.issue()
    doors = Doors(Catch(inbox, deferrals), Login(arguments.user, arguments.password), tls, arguments.host, arguments.size_bytes)
    opened = {}
    for name, port, door_at in (
        ("starttls_port", arguments.smtp_port, doors.open_starttls),
        ("implicit_port", arguments.smtps_port, doors.open_implicit),
        ("plain_port", arguments.plain_port, doors.open_plain),
    ):
        with _listening(arguments.host, port):
            opened[name] = await door_at(port)
    way_in: dict[str, object] = {"host": arguments.host, "user": arguments.user, "password": arguments.password}
    way_in |= {name: door.sockets[0].getsockname()[1] for name, door in opened.items()}
    with _listening(arguments.host, arguments.http_port):
        http = _listen(arguments.host, arguments.http_port)
    server = _page_server(Pages(inbox, deferrals, way_in))
    serving = asyncio.create_task(server.serve([http]))
    _tell(arguments, json.dumps({"pid": os.getpid(), "http": _url(http), "ca_pem": ca_pem} | way_in) + "\n")
    await stop.wait()
    for door in opened.values():
        door.close()
    server.should_exit = True
    await serving


def _page_server(pages: Pages) -> PageServer:
    config = uvicorn.Config(pages.app(), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    return PageServer(config)


@contextmanager
def _listening(host: str, port: int) -> Generator[None]:
    """Ends the program, and says why, where the port cannot be had."""
    try:
        yield
    except OSError as error:
        why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        sys.stderr.write(f"catcher: it cannot listen at port {port} of {host}: {why}\n")
        sys.exit(USAGE)


def _listen(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=128)


def _url(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _tell(arguments: argparse.Namespace, line: str) -> None:
    if arguments.ready_file is None:
        with os.fdopen(arguments.ready_fd, "w") as ready:
            ready.write(line)
        return
    draft = arguments.ready_file.with_name(arguments.ready_file.name + ".draft")
    with open(draft, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as ready:
        ready.write(line)
    draft.replace(arguments.ready_file)


if __name__ == "__main__":
    main()
