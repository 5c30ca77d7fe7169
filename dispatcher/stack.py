"""Stack: everything on one machine: an embedded Redis, the API, a pool of workers; for `beampost up` and `beampost demo`."""

import asyncio
import json
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from redis.exceptions import RedisError

from dispatcher.acl import API, WORKER
from dispatcher.calls import ask
from dispatcher.children import Child, Restarted, revive, stop
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.files import write
from dispatcher.contracts.redis_client import Patience, open_redis
from dispatcher.contracts.settings import read, variable
from dispatcher.contracts.shared_settings import ENV_PREFIX
from dispatcher.contracts.wipe import wiping
from dispatcher.contracts.wire import key
from dispatcher.contracts.worker_settings import WorkerSettings
from dispatcher.embedded import EmbeddedRedis
from dispatcher.intake.api_keys import create_api_key
from dispatcher.intake.caller import Scope
from dispatcher.own_keys import OwnKeys

READY_SECONDS: Final = 30
BEYOND_DOT_SECONDS: Final = 10
HASTY: Final = Patience(connections=1, connect_seconds=1, answer_seconds=1, call_seconds=2)
MEMORY_FOLDERS: Final = ("XDG_RUNTIME_DIR", "/dev/shm")  # noqa: S108 -- a folder of our own is made in it, for us alone
LOCAL_TENANT: Final = "local"
LOST: Final = {"redis": "; the jobs that were open are lost"}


class StackSilent(Misconfigured):
    """API or workers did not become ready; their output says why."""


class PortTaken(Misconfigured):
    """BEAMPOST_API_HOST and BEAMPOST_API_PORT, or those of the admin API, cannot be listened on; something else may be there."""


@dataclass
class Stack:
    """The stack's processes, and what a client must know of them."""

    workers: int = 1
    allow_networks: tuple[str, ...] = ()
    allow_plaintext: bool = False
    free_ports: bool = False
    redis_port: int = 0
    output: IO[bytes] | int | None = None
    outputs: dict[str, IO[bytes]] = field(default_factory=dict)
    room: Path = field(init=False)
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    children: list[Child | Restarted] = field(default_factory=list)
    api: str = ""
    admin: str = ""
    api_key: str = ""
    admin_key: str = ""
    redis: str = ""
    users: dict[str, str] = field(default_factory=dict)
    _own_keys: OwnKeys | None = None

    def __post_init__(self) -> None:
        """Makes the room, once the settings are known to be good; raises SettingUnknown or ValidationError."""
        self._settings = read(ApiSettings)
        self._grace_seconds = read(WorkerSettings).dot_seconds + BEYOND_DOT_SECONDS
        self.room = memory_room()

    def start(self) -> None:
        """Returns when everything answers; raises Misconfigured when something does not."""
        self._start_redis()
        self._make_keys()
        if self._settings.memory_wipe != "off":
            self.environment = wiping(self.environment)
        if self.allow_networks:
            named = variable("egress_allow_networks")
            self.environment[named] = ",".join(filter(None, (self.environment.get(named), *self.allow_networks)))
        if self.allow_plaintext:
            self.environment[variable("allow_plaintext")] = "true"
        self._start_api(self._settings)
        program = ("dispatcher", "worker") if self._settings.strict else ("workers",)
        for number in range(self.workers):
            output = self.outputs.get("worker", self.output)
            shard = {variable("shard"): str(number % self._settings.shards)} if self._settings.redis_urls else {}
            self._run(Child("worker", [sys.executable, "-m", *program], self._environment_of(WORKER) | shard, output))
        self._await_ready()

    def stop(self, grace_seconds: float | None = None) -> None:
        """Workers first, so that mail in hand is finished while Redis still answers; then nothing is left, not even a file."""
        grace = self._grace_seconds if grace_seconds is None else grace_seconds
        for role in ("worker", "api", "redis"):
            stop([child for child in self.children if child.role == role], grace)
        shutil.rmtree(self.room, ignore_errors=True)

    def rotate(self) -> None:
        """Keys of our own are exchanged when their time has come."""
        if self._own_keys:
            self._own_keys.rotate_when_due()

    def revive(self) -> list[str]:
        """Starts again what ended; a line for each, with what that means."""
        return [f"{role} ended with {status}, and was started again{LOST.get(role, '')}" for role, status in revive(self.children)]

    def facts(self) -> dict[str, object]:
        """What the ready file says."""
        pids: dict[str, object] = {"up": os.getpid(), "workers": self.pids("worker")}
        pids |= {child.role: child.process.pid for child in self.children if child.role != "worker"}
        return {
            "api": self.api,
            "admin": self.admin,
            "redis": self.redis,
            "api_key": self.api_key,
            "admin_key": self.admin_key,
            "pids": pids,
            "settings": {child.role: settings_in(child.environment) for child in self.children if isinstance(child, Child)},
        }

    def pids(self, role: str) -> list[int]:
        """The process ids of one role."""
        return [child.process.pid for child in self.children if child.role == role]

    def _run(self, child: Child | Restarted) -> None:
        child.start()
        self.children.append(child)

    def _start_redis(self) -> None:
        if any(map(self.environment.get, (variable("redis_url"), variable("redis_urls")))):
            self.redis = self._settings.redis
            return
        server = EmbeddedRedis(self.room, self.redis_port)
        self._run(Restarted("redis", server.start))
        self.redis, self.users = server.url, server.urls
        self.environment.pop(variable("redis_password_file"), None)

    def _make_keys(self) -> None:
        """Keys and secrets for this run alone, in memory, unless the operator brings her own."""
        folder = self.room / "keys"
        for name, place in (
            ("public_keys", "public"),
            ("private_keys", "private"),
            ("secret_file", "secret"),
            ("api_keys_file", "api-keys.json"),
        ):
            self.environment.setdefault(variable(name), str(folder / place))
        if self.environment[variable("public_keys")] == str(folder / "public"):
            self._own_keys = OwnKeys(folder, self._settings)
            self._own_keys.make(Path(self.environment[variable("secret_file")]))
        api_keys = Path(self.environment[variable("api_keys_file")])
        if api_keys == folder / "api-keys.json":
            self.api_key = create_api_key(api_keys, LOCAL_TENANT, (Scope.SUBMIT, Scope.READ, Scope.DEBUG), None, ())
            self.admin_key = create_api_key(api_keys, LOCAL_TENANT, (Scope.ADMIN, Scope.METRICS), None, ())

    def _start_api(self, settings: ApiSettings) -> None:
        public = self._listen(settings.api_host, settings.api_port, "api_port")
        admin = self._listen(settings.admin_host, settings.admin_port, "admin_port")
        self.api, self.admin = (f"http://{_at(bound)}" for bound in (public, admin))
        self.environment[variable("api_port")], self.environment[variable("admin_port")] = (
            str(bound.getsockname()[1]) for bound in (public, admin)
        )
        environment = {name: value for name, value in self._environment_of(API).items() if name != variable("private_keys")}
        fds = (public.fileno(), admin.fileno())
        command = [sys.executable, "-m", "dispatcher", "api", "--public-fd", str(fds[0]), "--admin-fd", str(fds[1])]
        self._run(Child("api", command, environment, self.outputs.get("api", self.output), fds))
        self._sockets = (public, admin)

    def _environment_of(self, user: str) -> dict[str, str]:
        """With a URL of Redis that lets a program do no more than it must; a Redis that was there before has one for all."""
        return self.environment | ({variable("redis_url"): self.users[user]} if self.users else {})

    def _listen(self, host: str, port: int, setting: str) -> socket.socket:
        """The wanted port; where nobody asked for it by name and it is taken, a free one."""
        named = variable(setting) in os.environ
        try:
            return bind(host, port if named or not self.free_ports else 0)
        except PortTaken:
            if named:
                raise
            return bind(host, 0)

    def _await_ready(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and all(child.process.poll() is None for child in self.children):
            if self._api_ready() and asyncio.run(self._workers_ready()):
                return
            time.sleep(0.02)
        raise StackSilent

    def _api_ready(self) -> bool:
        try:
            ask(f"{self.api}/readyz", seconds=1)
        except OSError:
            return False
        return True

    async def _workers_ready(self) -> bool:
        each = self._settings.redises if self._settings.redis_urls else (self.redis,)
        names = [name for url in each for name in await _living(url)]
        return all(any(name.startswith(f"{pid}-") for name in names) for pid in self.pids("worker"))


async def _living(redis_url: str) -> list[str]:
    """Names of the worker processes that have shown there that they live."""
    redis = open_redis(redis_url, HASTY, "bp-up")
    try:
        known: set[Any] = await redis.smembers(key("pools"))
        return [name.decode() for name in known if await redis.exists(key("pool", name.decode()))]
    except (RedisError, OSError, TimeoutError):
        return []
    finally:
        await redis.aclose()


def settings_in(environment: Mapping[str, str]) -> dict[str, str]:
    """What a program was told, and what another command is told that is to see the same."""
    return {name: value for name, value in environment.items() if name.startswith(ENV_PREFIX)}


def write_ready_file(path: Path, facts: dict[str, object]) -> None:
    """In one step, for its owner only."""
    write(path, json.dumps(facts).encode(), 0o600)


def memory_room() -> Path:
    """A new folder for us alone, in memory where the machine has such a place."""
    places = (os.environ.get(MEMORY_FOLDERS[0], ""), MEMORY_FOLDERS[1], tempfile.gettempdir())
    place = next(place for place in places if place and os.access(place, os.W_OK))
    return Path(tempfile.mkdtemp(prefix="bp-", dir=place))


def bind(host: str, port: int) -> socket.socket:
    """A listening socket that a child inherits; port 0 takes a free one. Raises PortTaken."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(1024)
    except OSError:
        bound.close()
        raise PortTaken from None
    return bound


def _at(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
