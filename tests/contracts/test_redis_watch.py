"""Redis watch: a Redis that becomes unsafe while a program runs is seen, told once, and seen again when it is safe."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from redis import Redis as BlockingRedis

from dispatcher.acl import WORKER, rule
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.privacy import LOGGER
from dispatcher.contracts.redis_client import Patience, open_redis
from dispatcher.contracts.redis_safety import Hazard, RedisUnsafe
from dispatcher.contracts.redis_watch import Watch
from dispatcher.contracts.shared_settings import SharedSettings
from tests.faults.topology import PASSWORD, Server, one_server

HASTY = Patience(connections=4, connect_seconds=0.5, answer_seconds=0.5, call_seconds=1)
Story = Callable[[Watch, "BlockingRedis"], Awaitable[None]]


@pytest.fixture
def server() -> Iterator[Server]:
    with one_server(rule(WORKER, PASSWORD)) as running:
        yield running


def watched(server: Server, story: Story, **settings: object) -> None:
    """The story, with a watch over this server and a client that may do everything."""

    async def tell() -> None:
        url = f"redis://{WORKER}:{PASSWORD}@127.0.0.1:{server.port}"
        redis = open_redis(url, HASTY, "bp-test")
        try:
            with server.client() as operator:
                await story(Watch(redis, SharedSettings(redis_url=url, **settings)), operator)  # type: ignore[arg-type]
        finally:
            await redis.aclose()

    asyncio.run(tell())


def test_each_change_is_told_once(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    async def story(watch: Watch, operator: "BlockingRedis") -> None:
        await watch.begin()
        for name, value in (("save", "60 1"), ("save", "60 1"), ("maxmemory", "0"), ("save", ""), ("save", "")):
            operator.config_set(name, value)
            await watch.look()

    caplog.set_level("INFO", LOGGER)
    watched(server, story)
    assert [(record.getMessage(), getattr(record, "problem", None)) for record in caplog.records] == [
        ("redis hazard", "persistent"),
        ("redis hazard", "persistent"),
        ("redis hazard", "unlimited"),
        ("redis hazard", "unlimited"),
        ("redis is safe again", None),
    ]


def test_what_it_requires_follows_what_is_found(server: Server) -> None:
    async def story(watch: Watch, operator: "BlockingRedis") -> None:
        await watch.require()
        operator.config_set("appendonly", "yes")
        await watch.look()
        with pytest.raises(Unavailable):
            await watch.require()
        operator.config_set("appendonly", "no")
        await watch.look()
        await watch.require()

    watched(server, story)


def test_what_is_acknowledged_stops_nothing_and_is_not_called_safe(server: Server) -> None:
    async def story(watch: Watch, operator: "BlockingRedis") -> None:
        operator.config_set("maxmemory-policy", "allkeys-lru")
        await watch.begin()
        await watch.require()
        assert watch.safety
        assert (watch.unsafe, watch.safety.state, watch.safety.found) == (False, "acknowledged", (Hazard.EVICTING,))

    watched(server, story, redis_check="acknowledged")


def test_a_start_is_refused_with_what_is_grave(server: Server) -> None:
    async def story(watch: Watch, operator: "BlockingRedis") -> None:
        operator.config_set("save", "60 1")
        operator.config_set("maxmemory", "0")
        with pytest.raises(RedisUnsafe) as refused:
            await watch.begin_when_there()
        assert (refused.value.hazards, watch.safety) == ((Hazard.PERSISTENT,), None)

    watched(server, story)


def test_it_looks_again_when_the_time_is_over_and_not_before(server: Server) -> None:
    async def unsafe_after(watch: Watch, operator: "BlockingRedis") -> bool:
        operator.config_set("save", "")
        await watch.begin()
        operator.config_set("save", "60 1")
        await watch.look_when_due()
        return watch.unsafe

    async def later(watch: Watch, operator: "BlockingRedis") -> None:
        assert not await unsafe_after(watch, operator)

    async def at_once(watch: Watch, operator: "BlockingRedis") -> None:
        assert await unsafe_after(watch, operator)

    watched(server, later, redis_check_seconds=3600)
    watched(server, at_once, redis_check_seconds=1e-9)


def test_what_was_found_last_counts_while_redis_is_away(server: Server) -> None:
    async def story(watch: Watch, operator: "BlockingRedis") -> None:
        operator.config_set("save", "60 1")
        await watch.look()
        server.kill()
        with pytest.raises(Unavailable):
            await watch.look()
        assert watch.unsafe

    watched(server, story)


def test_nothing_is_required_of_a_redis_that_nobody_could_look_at() -> None:
    async def story() -> None:
        url = "redis://127.0.0.1:1"
        redis = open_redis(url, HASTY, "bp-test")
        with pytest.raises(Unavailable):
            await Watch(redis, SharedSettings(redis_url=url)).require()  # type: ignore[arg-type]
        await redis.aclose()

    asyncio.run(story())


def test_it_goes_on_looking_also_when_redis_was_away(server: Server) -> None:
    async def until(watch: Watch, *, unsafe: bool) -> None:
        while watch.safety is None or watch.unsafe is not unsafe:  # noqa: ASYNC110 -- nobody is told when it looks
            await asyncio.sleep(0.01)

    async def story(watch: Watch, _operator: "BlockingRedis") -> None:
        going_on = asyncio.create_task(watch.go_on())
        await until(watch, unsafe=False)
        await asyncio.to_thread(server.kill)
        server.lines += ("save 60 1",)
        await asyncio.to_thread(server.start)
        await until(watch, unsafe=True)
        going_on.cancel()

    watched(server, story, redis_check_seconds=0.05)
