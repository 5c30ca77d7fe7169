"""Route: how a job's mail leaves us: by whose account, over which connections, under whose name and signature."""

import asyncio
from dataclasses import dataclass
from typing import Final

import msgspec

from dispatcher.contracts.accounts import simulated
from dispatcher.contracts.job import Job
from dispatcher.contracts.mail import Account, Envelope
from dispatcher.contracts.outcome import Contact, Outcome
from workers.contact import contact
from workers.default_account import DefaultAccount
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import Pool
from workers.smtp.session import Fence
from workers.smtp.transcript import Attempt

LARGE_MESSAGE_BYTES: Final = 1_000_000


@dataclass(frozen=True)
class Route:
    """`default` is there where the operator's own account transmits."""

    account: Account
    pool: Pool
    default: DefaultAccount | None = None

    def addressed(self, job: Job) -> Job:
        """The operator's account sends from its own address, whoever the author is."""
        return job.sent_from(self.default.address) if self.default else job

    async def transmit(self, message: bytes, envelope: Envelope, attempt: Attempt, fence: Fence, limits: SmtpLimits) -> Outcome:
        """What became of it, and what that teaches about this way."""
        said = await self.pool.transmit(message, envelope, self.account, fence=fence, limits=limits, attempt=attempt)
        return msgspec.structs.replace(said, contact=self.contact(said))

    def contact(self, outcome: Outcome) -> Contact | None:
        """What an attempt teaches about this way; a server that is only played is never left alone."""
        return None if simulated(self.account) else contact(outcome)

    async def signed(self, message: bytes) -> bytes:
        """The message as it goes out; signing a large one is work for a thread. Raises HeaderUnsafe."""
        if self.default is None:
            return message
        if len(message) <= LARGE_MESSAGE_BYTES:
            return self.default.signed(message)
        return await asyncio.to_thread(self.default.signed, message)
