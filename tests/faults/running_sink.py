"""Running sink: the sink as a process, and how a test speaks to it."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from dispatcher.children import be_child
from tests.faults.mood import Mood
from tests.faults.seen import Glance, Ledger
from tests.faults.sink import Doors, Wish

ROOT: Final = Path(__file__).parents[2]
ANSWER_SECONDS: Final = 20
END_SECONDS: Final = 10


@dataclass(frozen=True)
class RunningSink:
    doors: Doors

    @property
    def account(self) -> dict[str, Any]:
        """In clear, without sign-in."""
        return {"host": "127.0.0.1", "port": self.doors.port, "tls": "none"}

    def account_of(self, user: str, password: str) -> dict[str, Any]:
        """By TLS, with a sign-in."""
        auth = {"kind": "password", "user": user, "password": password}
        return {"host": "127.0.0.1", "port": self.doors.tls_port, "tls": "implicit", "ca_pem": self.doors.ca_pem, "auth": auth}

    def become(self, **mood: Any) -> None:  # noqa: ANN401 -- the fields of Mood
        self._ask(Wish(mood=Mood(**mood)))

    def let_go(self) -> None:
        self._ask(Wish(let_go=True))

    def glance(self) -> Glance:
        return msgspec.json.decode(self._ask(Wish()), type=Glance)

    def ledger(self) -> Ledger:
        return msgspec.json.decode(self._ask(Wish(ledger=True)), type=Ledger)

    def _ask(self, wish: Wish) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", self.doors.control), ANSWER_SECONDS) as connection,
            connection.makefile("rwb") as stream,
        ):
            stream.write(msgspec.json.encode(wish) + b"\n")
            stream.flush()
            return stream.readline()


@contextmanager
def running_sink(**mood: Any) -> Iterator[RunningSink]:  # noqa: ANN401 -- the fields of Mood
    """A sink in this mood, for as long as it is needed."""
    command = (sys.executable, "-m", "tests.faults.sink")
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, preexec_fn=be_child) as process:  # noqa: PLW1509 -- one thread as yet
        assert process.stdout
        try:
            sink = RunningSink(msgspec.json.decode(process.stdout.readline(), type=Doors))
            sink.become(**mood)
            yield sink
        finally:
            process.terminate()
            process.wait(END_SECONDS)
