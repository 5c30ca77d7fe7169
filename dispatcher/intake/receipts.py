"""Receipts: what the submitter gets for an accepted job, or for one that this key made earlier."""

import math

import msgspec

from dispatcher.contracts.accounts import simulated
from dispatcher.contracts.claim import Accepted, NewJob
from dispatcher.contracts.job import Enclosed, Job, Receipt, Status, Submission
from dispatcher.contracts.outcome import State


def receipt(job: Job | Enclosed, new: NewJob, accepted: Accepted, earlier: Status | None) -> Receipt:
    """Of the new job; or, on a replay, how the earlier one stands by now."""
    known = Receipt(
        job_id=earlier.job_id if earlier else new.job_id,
        state=earlier.state if earlier else State.QUEUED,
        expires_at_ms=earlier.expires_at_ms if earlier else new.binding.deadline_ms,
        replayed=accepted.replayed,
        posts_left=accepted.posts_left,
        full_again_seconds=accepted.full_again_seconds,
    )
    if isinstance(job, Enclosed):
        return known
    posted, each = job.submission, int(new.record["each"])
    facts = {"messages": messages(posted, each), "delivery": posted.delivery, "warnings": warnings(posted)}
    return msgspec.structs.replace(known, message_id=job.message_id, **facts)


def messages(posted: Submission, each: int) -> int:
    """How many mails the job becomes, where one has at most so many distinct recipients."""
    return math.ceil(len({mailbox.address for mailbox in posted.recipients}) / each)


def warnings(posted: Submission) -> tuple[str, ...]:
    """What the submitter may not expect: a server that is only played."""
    return ("simulated",) if simulated(posted.account) else ()
