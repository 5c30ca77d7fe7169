"""Scripts: our Lua, registered once and run in one flight each; what they share is written above them."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError, RedisError

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.wire import BOUNDS_MS, CELLS_KEPT_MS, MINUTES_KEPT_MS, PREFIX

# A full Redis refuses these alone: all others make room, or change little.
GROWS: Final = frozenset({"accept", "ask", "debug_open", "debug_note"})
FAILURES: Final = (RedisError, OSError, TimeoutError)


class Scripts:
    """Some of `contracts/lua`, by name, each with the names of the files that come before it. Every method raises Unavailable."""

    def __init__(self, redis: "Redis", wanted: Mapping[str, Sequence[str]], status_ttl_seconds: int = 0) -> None:
        self._redis = redis
        times = f"{status_ttl_seconds * 1000}, {MINUTES_KEPT_MS}, {CELLS_KEPT_MS}, {{ {', '.join(map(str, BOUNDS_MS))} }}"
        head = f"local PREFIX, STATUS_TTL, MINUTES_KEPT, CELLS_KEPT, BOUNDS = '{PREFIX}', {times}\n"
        folder = files("dispatcher.contracts") / "lua"
        self._scripts: dict[str, AsyncScript] = {}
        for name, before in wanted.items():
            shebang = "#!lua\n" if name in GROWS else "#!lua flags=allow-oom\n"
            text = "".join((folder / f"{part}.lua").read_text() for part in (*before, name))
            self._scripts[name] = redis.register_script(shebang + head + text)

    async def run(self, name: str, said: Mapping[str, object], args: Iterable[bytes] = ()) -> Any:  # noqa: ANN401 -- a script gives what it gives
        """What the script gives; `said` is its first argument."""
        try:
            return await self._scripts[name](args=[msgspec.msgpack.encode(said), *args])
        except FAILURES:
            raise Unavailable from None

    async def run_each(self, name: str, said: Sequence[Mapping[str, object]], args: Sequence[bytes] = ()) -> list[Any]:
        """What the script gives for each of these, in one flight: all of them have their turn, also when one fails."""
        script = self._scripts[name]
        answers = await self._fly(script, [("EVALSHA", script.sha, 0, msgspec.msgpack.encode(one), *args) for one in said])
        if any(isinstance(answer, Exception) for answer in answers):
            raise Unavailable
        return answers

    async def run_held_by(self, replicas: int, wait_ms: int, name: str, said: Mapping[str, object], args: Iterable[bytes] = ()) -> Any:  # noqa: ANN401 -- a script gives what it gives
        """The same; what it wrote, and all before it, is in the memory of so many replicas, or it raises Unavailable.

        WAIT goes in the same flight, since it tells of its own connection.
        """
        if not replicas:
            return await self.run(name, said, args)
        script = self._scripts[name]
        call = ("EVALSHA", script.sha, 0, msgspec.msgpack.encode(said), *args)
        answer, holding = await self._fly(script, [call, ("WAIT", replicas, wait_ms)])
        if isinstance(answer, Exception) or isinstance(holding, Exception) or holding < replicas:
            raise Unavailable
        return answer

    async def _fly(self, script: AsyncScript, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The answers, errors among them; all is sent once more to a server that did not know the script."""
        try:
            answers = await self._send(commands)
            if any(isinstance(answer, NoScriptError) for answer in answers):
                await self._redis.script_load(script.script)
                answers = await self._send(commands)
        except FAILURES:
            raise Unavailable from None
        return answers

    async def _send(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as flight:
            for command in commands:
                flight.execute_command(*command)
            return list(await flight.execute(raise_on_error=False))
