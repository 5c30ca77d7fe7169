"""Own processes: further workers and APIs of a running stack, which nobody starts anew when they end."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import create_server

from dispatcher.children import Child, Restarted, stop
from tests.faults.kills import START_SECONDS, shown
from tests.system.client import Client
from tests.system.running_stack import RunningStack, await_true

END_SECONDS = 30


@contextmanager
def own_workers(
    stack: RunningStack, number: int, words: Sequence[str] = ("-m", "workers"), **settings: object
) -> "Iterator[list[subprocess.Popen[bytes]]]":
    """So many, all of which have shown that they live; the interpreter is told these words."""
    api = stack.environment_of("api")
    private = Path(api["BEAMPOST_PUBLIC_KEYS"]).with_name("private")
    environment = api | _variables(private_keys=private, redis_url=stack.facts["redis"], **settings)
    with _running(stack, number, words, environment) as processes:
        await_true(lambda: {process.pid for process in processes} <= shown(stack), START_SECONDS)
        yield processes


@contextmanager
def own_api(stack: RunningStack) -> Iterator[Client]:
    """A client of another API process, which shares all but the ports."""
    port = free_port()
    client = Client(f"http://127.0.0.1:{port}", stack.facts["api_key"])
    environment = stack.environment_of("api") | _variables(api_port=port, admin_port=free_port())
    with _running(stack, 1, ["-m", "dispatcher", "api"], environment):
        await_true(lambda: _answers(client), START_SECONDS)
        yield client


@contextmanager
def _running(
    stack: RunningStack, number: int, words: Sequence[str], environment: dict[str, str]
) -> "Iterator[list[subprocess.Popen[bytes]]]":
    with stack.log.open("ab") as log:
        children: list[Child | Restarted] = [Child("own", [sys.executable, *words], environment, log) for _ in range(number)]
        for child in children:
            child.start()
        try:
            yield [child.process for child in children]
        finally:
            stop(children, END_SECONDS)


def _variables(**settings: object) -> dict[str, str]:
    return {f"BEAMPOST_{name.upper()}": str(value) for name, value in settings.items()}


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _answers(client: Client) -> bool:
    try:
        return client.get("/readyz").status == 200
    except OSError:
        return False
