"""Servers: what every foreign mail server of these tests has: a room of its own, three doors, mailboxes and a log."""

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trustme

from dispatcher.contracts.mail import Account, Auth, PasswordAuth, Tls
from tests.house.groups import found
from tests.system.running_stack import processes_in

DOMAIN: Final = "example.org"
BOXES: Final = [*(f"box{number}" for number in range(400)), "möwe"]
USER: Final = "jane"
PASSWORD: Final = PasswordAuth(user=USER, password="correct horse")
MAX_BYTES: Final = 40 << 20
SMALL_BYTES: Final = 10_000  # what the small door takes
NOBODY: Final = 65534  # who delivers, where root may not
SECONDS: Final = 20
PAUSE: Final = 0.01
TRACE: Final = re.compile(rb"(?:(?:Return-Path|Delivered-To|Received|X-[A-Za-z-]+):[^\n]*\n(?:[ \t][^\n]*\n)*)+")


@dataclass(frozen=True, kw_only=True)
class Notes:
    """Patterns of what a server writes into its log."""

    signing_in: str  # with {mechanism}, {user} and {address}
    hundred: str  # a hundred recipients in one transaction
    no_mail: str  # who signed in left without MAIL
    reset: str  # three mails on one connection

    def signed_in(self, mechanism: str, user: str, address: str) -> str:
        """TLS 1.3, then this mechanism, and then a mail to this address."""
        return self.signing_in.format(mechanism=re.escape(mechanism), user=user, address=re.escape(address))


@dataclass(frozen=True, kw_only=True)
class Server:
    """Doors of the loopback, and the Maildirs below `boxes`, one for each of BOXES."""

    starttls_port: int
    implicit_port: int
    small_port: int
    ca_pem: str
    boxes: Path
    log: Path
    notes: Notes
    turns: Iterator[str] = field(default_factory=lambda: iter(BOXES))

    @classmethod
    def at(cls, ports: list[int], folder: Path, log: str, ca_pem: str, notes: Notes) -> "Server":
        """With its three doors at these ports, and all that it keeps in a folder."""
        starttls, implicit, small = ports
        places = {"boxes": folder / "boxes", "log": folder / log}
        return cls(starttls_port=starttls, implicit_port=implicit, small_port=small, ca_pem=ca_pem, notes=notes, **places)

    def account(self, tls: Tls = Tls.STARTTLS, auth: Auth = PASSWORD) -> Account:
        port = self.implicit_port if tls is Tls.IMPLICIT else self.starttls_port
        return Account(host="127.0.0.1", port=port, tls=tls, auth=auth, ca_pem=self.ca_pem)

    def addresses(self, count: int = 1) -> list[str]:
        """Of mailboxes that nobody has written to."""
        return [f"{name}@{DOMAIN}" for name in itertools.islice(self.turns, count)]

    def mails(self, address: str) -> list[bytes]:
        """What has been delivered to an address, as it was sent."""
        folder = self.boxes / address.partition("@")[0] / "new"
        return [original(path.read_bytes()) for path in folder.glob("*")]

    def await_mails(self, *addresses: str) -> list[list[bytes]]:
        """One list for each address, when none is empty."""
        await_true(lambda: all(map(self.mails_are_in, addresses)))
        return [self.mails(address) for address in addresses]

    def mails_are_in(self, address: str) -> bool:
        return any((self.boxes / address.partition("@")[0] / "new").glob("*"))

    def await_log(self, pattern: str) -> None:
        """Until the server has noted this, anywhere in its log."""
        await_true(lambda: re.search(pattern, self.log.read_text(errors="replace")) is not None)


def original(stored: bytes) -> bytes:
    """Without the trace fields that the server put on top, and with the line ends of the wire."""
    trace = TRACE.match(stored)
    assert trace is not None
    assert b"\r" not in stored
    return stored[trace.end() :].replace(b"\n", b"\r\n")


@contextlib.contextmanager
def room() -> Iterator[Path]:
    """A folder that every user may enter; its path is short, as that of a unix socket must be."""
    folder = Path(tempfile.mkdtemp(prefix="foreign-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        await_true(lambda: not processes_in(folder))  # or they would write into it, and even make it anew
        shutil.rmtree(folder)


def certify(folder: Path) -> str:
    """Writes `certificate.pem`, key and all, and gives the PEM of its authority."""
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "certificate.pem")
    return authority.cert_pem.bytes().decode()


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        doors = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [door.getsockname()[1] for door in doors]


def program(name: str) -> str:
    """Its path; the tests that call this are not run without it."""
    path = found(name)
    assert path is not None
    return path


@contextlib.contextmanager
def process(
    *command: str | Path, ready: Callable[[], bool], said: Path, user: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """A server's process, from the moment when it is ready; `user` is whom root leaves it to, a number."""
    user = user if os.geteuid() == 0 else None
    with said.open("wb") as output:
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=os.environ | dict(environment or {}),
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    try:
        await_true(lambda: ready() or started.poll() is not None)
        assert started.poll() is None, said.read_text(errors="replace")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGTERM)  # its children too: Dovecot's take seconds to notice that they are alone
        started.wait(SECONDS)


def answer(ports: list[int]) -> bool:
    return all(map(answers, ports))


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def await_true(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(PAUSE)
