"""Play: some hundred examples of the machine at a time, which is as much as fits into a test's time and memory."""

import asyncio
from contextlib import closing
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.model.machine import Machine
from tests.contracts.model.world import World

EXAMPLES: Final = 250
ROUND: Final = settings(
    max_examples=EXAMPLES,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)


def play(redis_url: str, rounds: int = 1, steps: int = 16) -> int:
    """How often every key was compared with what the model says; an example has so many steps at most."""
    once = settings(ROUND, stateful_step_count=steps)
    with asyncio.Runner() as runner, closing(World(redis_url, runner)) as world:
        for _ in range(rounds):
            run_state_machine_as_test(lambda: Machine(world), settings=once)
        return world.steps
