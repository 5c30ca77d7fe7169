"""Redis client: how long a call may take, and that it finds the primary again wherever it went."""

import asyncio
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import pytest
import trustme
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatcher.contracts.redis_client import Patience, open_redis
from dispatcher.embedded import EmbeddedRedis
from tests.faults.topology import Server, Topology, one_server, topology

HASTY: Final = Patience(connections=8, connect_seconds=0.2, answer_seconds=0.2, call_seconds=0.6)
RECOVERY_SECONDS: Final = 5
SLACK_SECONDS: Final = 0.2


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Redis]:
    redis = open_redis(url, HASTY, "bp-test")
    try:
        yield redis
    finally:
        await redis.aclose()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def seconds_until_refused(call: Callable[[], Awaitable[object]]) -> float:
    began = time.monotonic()
    with pytest.raises((RedisError, OSError, TimeoutError)):
        await call()
    return time.monotonic() - began


async def seconds_until_written(redis: Redis) -> float:
    began = time.monotonic()
    while True:
        try:
            await redis.set("written", "")
        except (RedisError, OSError, TimeoutError):
            await asyncio.sleep(0.02)
        else:
            return time.monotonic() - began


def test_no_call_takes_longer_than_it_may_while_redis_is_silent_and_all_is_well_when_it_speaks(tmp_path: Path) -> None:
    async def ask(pid: int) -> tuple[list[float], bool]:
        async with opened(server.url) as redis:
            await redis.ping()
            with frozen(pid):
                single = [await seconds_until_refused(redis.ping) for _ in range(2)]
                flights = [await seconds_until_refused(lambda: redis.pipeline(transaction=False).ping().execute()) for _ in range(2)]
                together = await asyncio.gather(*(seconds_until_refused(redis.ping) for _ in range(20)))
            return single + flights + together, await redis.ping()

    server = EmbeddedRedis(tmp_path)
    with server.start() as process:
        took, answers = asyncio.run(ask(process.pid))
        process.terminate()
    assert ([seconds for seconds in took if seconds > HASTY.call_seconds + SLACK_SECONDS], answers) == ([], True)


def test_no_call_takes_longer_when_the_sentinels_are_silent_too() -> None:
    async def ask(whole: Topology) -> list[float]:
        async with opened(whole.url) as redis:
            await redis.ping()
            for server in (*whole.servers, *whole.sentinels):
                server.freeze()
            took = [await seconds_until_refused(redis.ping) for _ in range(3)]
        async with opened(whole.url) as stranger:
            return [*took, await seconds_until_refused(stranger.ping)]

    with topology(replicas=1) as whole:
        took = asyncio.run(ask(whole))
    assert [seconds for seconds in took if seconds > HASTY.call_seconds + SLACK_SECONDS] == []


def test_one_sentinel_that_answers_is_enough() -> None:
    async def write(whole: Topology) -> float:
        whole.sentinels[0].kill()
        whole.sentinels[1].freeze()
        async with opened(whole.url) as redis:
            return await seconds_until_written(redis)

    with topology(replicas=1) as whole:
        assert asyncio.run(write(whole)) < HASTY.answer_seconds


@asynccontextmanager
async def encrypted(port: int, authority: trustme.CA, name: str) -> AsyncIterator[int]:
    """Another port, where what is at this one is reached by TLS under this name."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer), return_exceptions=True)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    async with await asyncio.start_server(meet, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(("name", "trusted", "expected"), [("localhost", 0, True), ("localhost", 1, False), ("other.example", 0, False)])
def test_by_tls_only_a_server_is_spoken_to_whose_certificate_is_good_for_its_name(
    tmp_path: Path, name: str, trusted: int, expected: object
) -> None:
    async def ask(server: Server) -> bool:
        url = f"rediss://:{server.password}@localhost:{{}}?ssl_ca_certs={tmp_path}/ca.pem"
        async with encrypted(server.port, authorities[0], name) as port, opened(url.format(port)) as redis:
            try:
                return bool(await redis.ping())
            except (RedisError, OSError, TimeoutError):
                return False

    authorities = trustme.CA(), trustme.CA()
    authorities[trusted].cert_pem.write_to_path(tmp_path / "ca.pem")
    with one_server() as server:
        assert asyncio.run(ask(server)) is expected


def test_a_call_that_meets_a_replica_is_made_again_where_the_primary_is() -> None:
    async def write(whole: Topology) -> object:
        async with opened(whole.url) as redis:
            await redis.set("before", "")
            old = whole.primary()
            with whole.sentinels[0].client() as sentinel, old.client() as server:
                sentinel.execute_command("SENTINEL FAILOVER mails")
                while whole.primary() is old:  # noqa: ASYNC110 -- what changes is in another process
                    await asyncio.sleep(0.05)
                server.replicaof("127.0.0.1", whole.primary().port)  # as the Sentinels do in their own time
            await seconds_until_written(redis)
            with whole.primary().client() as primary:
                return primary.exists("written")

    with topology(replicas=1) as whole:
        assert asyncio.run(write(whole)) == 1


def test_a_server_that_became_a_replica_is_left_also_where_nobody_knows_another_one() -> None:
    async def write(url: str) -> list[object]:
        async with opened(url) as redis:
            await redis.ping()
            await redis.execute_command("REPLICAOF", "127.0.0.1", "1")
            flight = redis.pipeline(transaction=False).set("a", "").set("b", "")
            errors: list[object] = []
            for call in (lambda: redis.set("a", ""), lambda: flight.execute(raise_on_error=False)):
                try:
                    errors.append(await call())
                except (RedisError, OSError) as error:
                    errors.append(type(error).__name__)
            await redis.execute_command("REPLICAOF", "NO", "ONE")
            return [*errors, await redis.set("a", "")]

    with one_server() as server:
        assert asyncio.run(write(server.url)) == ["ConnectionError", "ConnectionError", True]


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_a_client_finds_the_new_primary_by_itself(how: str) -> None:
    async def lose(whole: Topology) -> tuple[float, float]:
        async with opened(whole.url) as redis:
            await redis.ping()
            old = whole.primary()
            getattr(old, how)()
            fastest = await seconds_until_refused(redis.ping)
            while whole.primary() is old:  # noqa: ASYNC110 -- what changes is in another process
                await asyncio.sleep(0.02)
            took = await seconds_until_written(redis)
            return fastest, took

    with topology(replicas=1) as whole:
        refused, took = asyncio.run(lose(whole))
    assert (refused < HASTY.call_seconds + SLACK_SECONDS, took < RECOVERY_SECONDS) == (True, True)
