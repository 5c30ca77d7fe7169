"""Hurry: makes deferred jobs due at once, since no setting shortens the pauses between attempts."""

import time
from typing import cast

from redis import Redis
from redis.client import Pipeline


def hurry(redis: "Redis", seconds: float) -> None:
    """Until no job is open, or so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and redis.zcard("bp:sched"):
        for job_id in cast("list[bytes]", redis.zrange("bp:sched", 0, -1)):
            _make_due(redis, job_id.decode())
        time.sleep(0.05)


def _make_due(redis: "Redis", job_id: str) -> None:
    """Unless it is in another state, or gets there meanwhile."""

    def step(pipeline: "Pipeline") -> None:
        state = pipeline.hget(f"bp:job:{job_id}", "st")
        pipeline.multi()
        if state == b"deferred":
            pipeline.zadd("bp:sched", {job_id: 0}, xx=True)

    redis.transaction(step, f"bp:job:{job_id}")
