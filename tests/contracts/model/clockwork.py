"""Clockwork: a Redis whose time stands still until somebody moves it, and all that is in it at a glance."""

import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from tests.contracts.model.keys import Value, comparable

DAY_MS: Final = 86_400_000
GLANCE: Final = """
local found = {}
for _, name in ipairs(redis.call('KEYS', 'bp:*')) do
  local kind, value = redis.call('TYPE', name).ok, {}
  if kind == 'string' then
    value = redis.call('GET', name)
  elseif kind == 'list' then
    value = redis.call('LRANGE', name, 0, -1)
  elseif kind == 'zset' then
    value = redis.call('ZRANGE', name, 0, -1, 'WITHSCORES')
  elseif kind == 'hash' then
    value = redis.call('HGETALL', name)
  end
  found[#found + 1] = { name, kind, value, redis.call('PEXPIRETIME', name) }
end
return cmsgpack.pack(found)
"""
PASS: Final = """
local now = redis.call('INCRBY', 'clock', ARGV[1])
for _, name in ipairs(redis.call('KEYS', 'bp:*')) do
  local ends = redis.call('PEXPIRETIME', name)
  if ends >= 0 and ends < now and not name:find('^bp:met:') then
    redis.call('DEL', name)
  end
end
"""


class TimedRedis(AsyncRedis):
    """Scripts that are registered with it read a key for a clock.

    That clock is a day ahead, so that nothing dies by the server's own; what dies by itself is dropped as time passes.
    """

    def register_script(self, script: Any) -> Any:  # noqa: ANN401 -- as the library has it
        clock = "{ math.floor(redis.call('GET', 'clock') / 1000), redis.call('GET', 'clock') % 1000 * 1000 }"
        return super().register_script(script.replace("redis.call('TIME')", clock))


class Clockwork:
    """The test's own hand on that Redis."""

    def __init__(self, url: str) -> None:
        self.redis = Redis.from_url(url)
        self._glance = self.redis.register_script(GLANCE)
        self._pass = self.redis.register_script(PASS)

    def wind_up(self) -> int:
        """Everything is gone, and a new day begins: gives its time in milliseconds."""
        now = time.time_ns() // 1_000_000 + DAY_MS
        with self.redis.pipeline(transaction=False) as flight:
            flight.flushall()
            flight.set("clock", now)
            flight.execute()
        return now

    def show_pools(self, pools: Mapping[str, tuple[bool, tuple[str, ...]]]) -> None:
        """These workers live, with one slot each, busy or not; the sweep's pause is over."""
        with self.redis.pipeline(transaction=False) as flight:
            flight.delete("bp:sweeping", *self.redis.keys("bp:pool:*"))
            for name, (busy, lanes) in pools.items():
                flight.hset(f"bp:pool:{name}", mapping={"slots": 1, "busy": int(busy), "lanes": ",".join(lanes)})
                flight.sadd("bp:pools", name)
            flight.execute()

    def pass_time(self, milliseconds: int) -> None:
        self._pass(args=[milliseconds])

    def glance(self) -> tuple[dict[str, Value], dict[str, int]]:
        """Every key without its prefix, and the ends of those that have one."""
        found = msgspec.msgpack.decode(self._glance())
        values = {name.removeprefix("bp:"): read(kind, value) for name, kind, value, _ in found}
        return values, {name.removeprefix("bp:"): end for name, _, _, end in found if end >= 0}


def read(kind: str, value: Any) -> Value:  # noqa: ANN401 -- as Redis has it
    if kind in {"hash", "zset"}:
        return {name: comparable(number) for name, number in zip(value[::2], value[1::2], strict=True)}
    return comparable(value) if kind == "string" else value
