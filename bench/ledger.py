"""Ledger: what a job's way through the scripts costs Redis and the caller, and that it costs no more when many others wait.

python3 bench/ledger.py [JOBS] [WAITING]     1,000 jobs of 20 kB each, beside none and beside 20,000 that wait, of one and of 1,000 tenants,
                                             and whose account is full; CPU time of the server and of this process, per job
"""

import asyncio
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from dispatcher.contracts.claim import NewJob
from dispatcher.contracts.courtesy import Courtesy, Quota
from dispatcher.contracts.job import new_job_id
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.outcome import Fate, Outcome
from dispatcher.contracts.seal import Binding
from dispatcher.embedded import EmbeddedRedis

LANES = ("interactive", "bulk")
SEALED = secrets.token_bytes(20_000)
SMALL = b"sealed"
HOUR_MS = 3_600_000
ANY = Quota(per_minute=10**6, burst=10**6, open_jobs=10**7, open_bytes=2**40)
MANY = Courtesy(tenant=10**6, host=10**6, account=10**6, presets={"full": (1, 0)})


def new_job(tenant: str, lane: str, account: str, sealed: bytes, kind: str = "other") -> NewJob:
    job_id = new_job_id()
    names = {"lane": lane, "tp": tenant, "dp": account, "hp": "host", "dclass": kind}
    record = names | {"n": 1, "each": 100, "fates": "p", "on_unknown": "report"}
    return NewJob(Binding(tenant, job_id, time.time_ns() // 10**6 + HOUR_MS), sealed, HOUR_MS, job_id, "f" * 64, record)


@dataclass
class Bench:
    redis: "Redis"
    ledger: Ledger

    async def fill(self, waiting: int, tenants: int, kind: str) -> None:
        """In the other lane, so that what is measured is what was just accepted; or before it in its lane, of an account that is full."""
        lane = "interactive" if kind == "full" else "bulk"
        for number in range(waiting):
            account = "full" if kind == "full" else f"account{number % tenants}"
            await self.ledger.accept(new_job(f"tenant{number % tenants}", lane, account, SMALL, kind))
        if kind == "full":
            await self.ledger.claim(HOUR_MS, LANES)

    async def way(self, tenants: int) -> None:
        """Accept, claim, fence, finish: of one job."""
        tenant = f"tenant{secrets.randbelow(tenants)}"
        await self.ledger.accept(new_job(tenant, "interactive", "account", SEALED))
        claim = await self.ledger.claim(30_000, LANES)
        assert claim is not None
        assert await self.ledger.fence(claim, frozenset({0}), 330_000)
        await self.ledger.finish(claim, Outcome({0: Fate.ACCEPTED}))

    async def server_seconds(self) -> float:
        info = await self.redis.info("cpu")
        return float(info["used_cpu_user"] + info["used_cpu_sys"])

    async def measure(self, jobs: int, tenants: int) -> tuple[float, float]:
        """Milliseconds of CPU a job: the server's, and ours."""
        server, ours = await self.server_seconds(), time.process_time()
        for _ in range(jobs):
            await self.way(tenants)
        return 1000 * (await self.server_seconds() - server) / jobs, 1000 * (time.process_time() - ours) / jobs


async def main(jobs: int, waiting: int) -> None:
    with tempfile.TemporaryDirectory() as room:
        server = EmbeddedRedis(Path(room))
        process = server.start()
        try:
            redis = Redis.from_url(server.url)
            await redis.config_set("maxmemory", 2**30)
            bench = Bench(redis, Ledger(redis, 86_400, quota=ANY, courtesy=MANY))
            await bench.measure(200, 1)
            print(f"{'waiting':>8} {'tenants':>8} {'':10} {'server ms':>10} {'ours ms':>10}")
            for number, tenants, kind in ((0, 1, "other"), (waiting, 1, "other"), (waiting, 1000, "other"), (waiting, 1000, "full")):
                await redis.flushall()
                await bench.fill(number, tenants, kind)
                theirs, ours = await bench.measure(jobs, tenants)
                print(f"{number:8} {tenants:8} {kind:10} {theirs:10.3f} {ours:10.3f}")
            await redis.aclose()
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    asked = dict(enumerate(map(int, sys.argv[1:])))
    asyncio.run(main(asked.get(0, 1000), asked.get(1, 20_000)))
