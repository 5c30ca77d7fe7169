"""Filler: fills a running stack's queues as its API does, without HTTP, so that a hundred thousand jobs take minutes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from dispatcher.contracts.courtesy import Quota
from dispatcher.contracts.job import Job, Submission
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.records import Records
from dispatcher.contracts.seal import SealingKeys
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.intake.doorbell import Doorbell
from dispatcher.intake.submit import Intake
from tests.faults.load import Order, Posted
from tests.system.running_stack import RunningStack
from tests.system.submissions import submission

STATUS_SECONDS: Final = 86_400
MANY: Final = 1_000_000
NO_QUOTA: Final = Quota(MANY, MANY, MANY, open_bytes=MANY * MANY)


def fill(stack: RunningStack, tenant: str, orders: list[tuple[Order, dict[str, Any]]]) -> list[Posted]:
    """Each with its account; accepted without regard to quotas, and no bell is rung."""
    return asyncio.run(_fill(stack, tenant, orders))


async def _fill(stack: RunningStack, tenant: str, orders: list[tuple[Order, dict[str, Any]]]) -> list[Posted]:
    async with _intake(stack) as intake:
        return [await _enqueue(intake, tenant, order, account) for order, account in orders]


async def _enqueue(intake: Intake, tenant: str, order: Order, account: dict[str, Any]) -> Posted:
    posted = msgspec.convert(submission(account, *order.recipients) | order.fields, Submission)
    job = Job(posted, f"<{order.key}@example.com>")
    accepted, _ = await intake.enqueue(job, order.key, tenant)
    return Posted(order, accepted.job_id, job.message_id, tries=1, replayed=False)


@asynccontextmanager
async def _intake(stack: RunningStack) -> AsyncIterator[Intake]:
    """With the stack's own keys."""
    environment = stack.environment_of("api")
    secret = Secret.read(Path(environment["BEAMPOST_SECRET_FILE"]))
    keys = SealingKeys(Path(environment["BEAMPOST_PUBLIC_KEYS"]), secret)
    doorbell = Doorbell(stack.facts["redis"])
    async with Redis.from_url(stack.facts["redis"]) as redis:
        yield Intake(SharedSettings(), secret, keys, Ledger(redis, STATUS_SECONDS, quota=NO_QUOTA), Records(redis), doorbell)
    doorbell.close()
