"""Records: what is told of a job and of a worker, and to whom."""

from pathlib import Path

import pytest
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.errors import JobUnknown, Unavailable
from dispatcher.contracts.job import Status, new_job_id
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase, State
from dispatcher.contracts.records import SIGN_OF_LIFE_MS, Records
from tests.contracts.conftest import HOUR, Books

FULL = Failure(FailureClass.MAILBOX_FULL, SmtpPhase.RCPT, 452, "4.2.2", permanent=False)
NOBODY_THERE = Failure(FailureClass.RECIPIENT_UNKNOWN, SmtpPhase.RCPT, 550, "5.1.1")


def test_a_new_job_is_told_without_a_failure(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    record = books.record(job_id)
    accepted, deadline = int(record["accepted"]), int(record["deadline"])
    assert books.status(job_id) == Status(job_id, State.QUEUED, 0, accepted, accepted, deadline, "pp", purged=False, refusals={})
    assert deadline - accepted == pytest.approx(HOUR, abs=1000)


def test_a_deferred_job_is_told_with_what_deferred_it_and_who_was_refused(books: Books) -> None:
    job_id = books.accept(fates="ppp", n=3)
    claim = books.claim()
    fates = {0: Fate.ACCEPTED, 1: Fate.REFUSED, 2: Fate.PENDING}
    books.do(books.ledger.defer(claim, Outcome(fates, FULL, {1: NOBODY_THERE, 2: FULL}), 60_000, {}))
    status = books.status(job_id)
    assert (status.state, status.attempts, status.fates, status.purged) == (State.DEFERRED, 1, "arp", False)
    assert status.refusals == {1: "recipient_unknown"}
    told = (status.failure_class, status.phase, status.smtp_code, status.enhanced_code, status.permanent)
    assert told == ("mailbox_full", "rcpt", 452, "4.2.2", False)


def test_a_failed_job_is_told_as_final_and_purged(books: Books) -> None:
    job_id = books.accept()
    books.do(books.ledger.finish(books.claim(), Outcome({0: Fate.REFUSED}, NOBODY_THERE, {0: NOBODY_THERE})))
    status = books.status(job_id)
    assert (status.state, status.purged, status.permanent, status.refusals) == (State.FAILED, True, True, {0: "recipient_unknown"})


def test_who_waits_for_the_answer_to_the_dot_is_sending_still(books: Books) -> None:
    job_id = books.accept()
    books.do(books.ledger.fence(books.claim(), frozenset({0}), 30_000))
    assert (books.record(job_id)["st"], books.state(job_id), books.status(job_id).purged) == ("committing", State.SENDING, False)


@pytest.mark.parametrize("tenant", ["bolt", "", "ACME", "acme "])
def test_another_tenants_job_is_as_unknown_as_one_that_never_was(books: Books, tenant: str) -> None:
    job_id = books.accept()
    for asked in (job_id, new_job_id()):
        with pytest.raises(JobUnknown):
            books.do(books.records.status(asked, tenant))


def test_a_forgotten_job_is_unknown(books: Books) -> None:
    job_id = books.accept()
    books.redis.delete(f"bp:job:{job_id}")
    with pytest.raises(JobUnknown):
        books.do(books.records.status(job_id, "acme"))


def test_a_sign_of_life_is_shown_and_vanishes_by_itself(books: Books) -> None:
    books.do(books.records.show("1-a", 200, 3, ("interactive", "bulk")))
    shown = books.redis.hgetall("bp:pool:1-a")
    assert shown.pop("version")
    assert shown == {"slots": "200", "busy": "3", "lanes": "interactive,bulk", "wipe": "off", "sandbox": "off"}
    assert SIGN_OF_LIFE_MS - 5000 < books.redis.pttl("bp:pool:1-a") <= SIGN_OF_LIFE_MS


def test_every_sign_of_life_lasts_anew(books: Books) -> None:
    books.do(books.records.show("1-a", 200, 3, ("bulk",)))
    books.redis.pexpire("bp:pool:1-a", 2000)
    books.do(books.records.show("1-a", 200, 0, ("bulk",)))
    assert (books.redis.hget("bp:pool:1-a", "busy"), books.redis.pttl("bp:pool:1-a") > 2000) == ("0", True)


def test_without_redis_nothing_is_told_or_shown(books: Books, tmp_path: Path) -> None:
    async def ask(kind: str) -> None:
        async with AsyncRedis.from_url(f"unix://{tmp_path}/none") as nowhere:
            records = Records(nowhere)
            await (records.status(new_job_id(), "acme") if kind == "status" else records.show("1-a", 1, 0, ()))

    for kind in ("status", "show"):
        with pytest.raises(Unavailable):
            books.do(ask(kind))
