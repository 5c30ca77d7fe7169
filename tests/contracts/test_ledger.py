"""Ledger: what each script needs and leaves behind, on a real Valkey."""

import pytest
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.claim import Accepted, Claim, ClockSkewed
from dispatcher.contracts.errors import JobUnknown, KeyReused, TooLate, Unavailable
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase, State
from dispatcher.contracts.seal import Binding
from tests.contracts.conftest import HOUR, LANES, Books, new_job, now_ms

BUSY = Failure(FailureClass.GREYLISTED, SmtpPhase.RCPT, 451, "4.7.1", permanent=False)
NOBODY_THERE = Failure(FailureClass.RECIPIENT_UNKNOWN, SmtpPhase.RCPT, 550, "5.1.1")
LOST = Failure(FailureClass.OUTCOME_UNKNOWN, SmtpPhase.DOT)
GONE = {State.SENT, State.PARTIAL, State.FAILED, State.EXPIRED, State.CANCELED, State.UNKNOWN}


def outcome(fates: str, failure: Failure | None = None) -> Outcome:
    """One letter for each recipient, `-` for those of other messages."""
    letters = {index: Fate(letter) for index, letter in enumerate(fates) if letter != "-"}
    refused = {index: failure for index, fate in letters.items() if fate is Fate.REFUSED and failure}
    return Outcome(letters, failure, refused)


def fence(books: Books, claim: Claim, *indexes: int, lease_ms: int = 30_000) -> bool:
    return books.do(books.ledger.fence(claim, frozenset(indexes or (0,)), lease_ms))


def finish(books: Books, claim: Claim, fates: str, failure: Failure | None = None, *, expired: bool = False) -> State | None:
    return books.do(books.ledger.finish(claim, outcome(fates, failure), expired=expired))


def defer(books: Books, claim: Claim, fates: str = "p", delay_ms: int = 0) -> bool:
    return books.do(books.ledger.defer(claim, outcome(fates, BUSY), delay_ms, {}))


def give_back(books: Books, claim: Claim, first: int = 0) -> bool:
    return books.do(books.ledger.give_back(claim, first))


def idle(books: Books, worker: str, *lanes: str, busy: int = 0) -> None:
    """A worker process of one slot lives."""
    books.do(books.records.show(worker, 1, busy, lanes or LANES))


def is_over(books: Books, job_id: str) -> bool:
    """No payload, nothing due, no lease, a record that will be forgotten."""
    forgotten_in = books.redis.pttl(f"bp:job:{job_id}")
    return (
        not books.has_payload(job_id)
        and job_id not in books.due()
        and "lease" not in books.record(job_id)
        and 0 < forgotten_in <= 86_400_000
    )


# accept


def test_a_new_job_is_queued_with_all_that_belongs_to_it(books: Books) -> None:
    job = new_job()
    accepted = Accepted(job.job_id, replayed=False, bell_needed=True, posts_left=999_999, full_again_seconds=1)
    assert books.do(books.ledger.accept(job)) == accepted
    assert (books.state(job.job_id), books.has_payload(job.job_id)) == (State.QUEUED, True)
    assert books.redis.zscore("bp:sched", job.job_id) == job.binding.deadline_ms
    assert books.redis.lrange("bp:run:interactive", 0, -1) == ["acme"]
    assert books.redis.lrange("bp:run:interactive:acme", 0, -1) == ["account"]
    assert books.redis.lrange("bp:run:interactive:acme:account", 0, -1) == [job.job_id]


def test_payload_record_and_idempotency_entry_have_their_ends(books: Books) -> None:
    job = new_job(idempotency="key")
    books.do(books.ledger.accept(job))
    deadline = job.binding.deadline_ms
    ends = [books.redis.pexpiretime(name) for name in (f"bp:pay:{job.job_id}", f"bp:job:{job.job_id}")]
    assert ends == [deadline, deadline + 86_400_000]
    assert books.redis.pexpiretime("bp:idem:acme:key") == pytest.approx(now_ms() + 24 * HOUR, abs=1000)


def test_the_same_key_and_body_is_a_replay_and_changes_nothing(books: Books) -> None:
    first, second = new_job(idempotency="key"), new_job(idempotency="key")
    books.do(books.ledger.accept(first))
    assert books.do(books.ledger.accept(second)) == Accepted(first.job_id, replayed=True, bell_needed=False)
    assert (books.due(), books.has_payload(second.job_id)) == ({first.job_id}, False)


def test_a_replay_of_a_job_that_is_over_gives_that_job(books: Books) -> None:
    first = new_job(idempotency="key")
    books.do(books.ledger.accept(first))
    finish(books, books.claim(), "a")
    assert books.do(books.ledger.accept(new_job(idempotency="key"))).job_id == first.job_id


def test_the_same_key_with_another_body_is_refused(books: Books) -> None:
    books.accept(idempotency="key", fingerprint="1" * 64)
    with pytest.raises(KeyReused):
        books.accept(idempotency="key", fingerprint="2" * 64)


def test_another_tenant_may_use_the_same_key(books: Books) -> None:
    ids = {books.accept(idempotency="key", tenant=tenant) for tenant in ("acme", "bolt")}
    assert books.due() == ids


@pytest.mark.parametrize("skew_ms", [-5000, -1200, 1200, 5000])
def test_a_deadline_by_a_wrong_clock_is_given_back_with_the_right_time(books: Books, skew_ms: int) -> None:
    job = new_job()
    binding = Binding("acme", job.job_id, job.binding.deadline_ms + skew_ms)
    with pytest.raises(ClockSkewed) as caught:
        books.do(books.ledger.accept(type(job)(binding, b"", HOUR, "key", "f" * 64, job.record)))
    assert caught.value.now_ms == pytest.approx(now_ms(), abs=500)
    assert books.redis.keys("*") == []


def test_a_bell_is_needed_only_when_none_is_waiting(books: Books) -> None:
    books.redis.lpush("bp:bell.interactive", "ring")
    accepted = [books.do(books.ledger.accept(new_job(lane=lane))).bell_needed for lane in LANES]
    assert accepted == [False, True]


# claim


def test_a_claim_is_a_lease_under_a_new_token(books: Books) -> None:
    job = new_job(fates="ppp", n=3)
    books.do(books.ledger.accept(job))
    claim = books.claim(lease_ms=30_000)
    assert (claim.attempt, claim.binding, claim.sealed, claim.pending) == (1, job.binding, b"sealed", frozenset({0, 1, 2}))
    assert (books.record(job.job_id)["tok"], 0 < claim.token < 2**52) == (str(claim.token), True)
    assert (books.state(job.job_id), books.redis.zscore("bp:sched", job.job_id)) == (State.SENDING, claim.now_ms + 30_000)
    assert (books.redis.keys("bp:run:*"), books.claims_nothing()) == ([], True)


def test_tenants_take_turns_and_each_is_first_in_first_out(books: Books) -> None:
    jobs = [books.accept(tenant=tenant) for tenant in ("a", "a", "a", "b", "c", "b")]
    claimed = [books.claim().binding.job_id for _ in jobs]
    assert [jobs.index(job_id) for job_id in claimed] == [0, 3, 4, 1, 5, 2]


def test_the_first_lane_goes_first(books: Books) -> None:
    jobs = [books.accept(lane=lane) for lane in ("bulk", "interactive", "bulk", "interactive")]
    claimed = [books.claim().binding.job_id for _ in jobs]
    assert [jobs.index(job_id) for job_id in claimed] == [1, 3, 0, 2]


def test_a_worker_claims_of_its_own_lanes_only(books: Books) -> None:
    books.accept(lane="bulk")
    assert books.do(books.ledger.claim(1000, ("interactive",))) is None


def test_a_claim_passes_over_canceled_jobs(books: Books) -> None:
    first, second = books.accept(), books.accept()
    books.do(books.ledger.cancel(first, "acme"))
    assert (books.claim().binding.job_id, books.claims_nothing()) == (second, True)


def test_a_claim_of_a_job_without_payload_ends_it_as_expired_and_goes_on(books: Books) -> None:
    first, second = books.accept(), books.accept()
    books.redis.delete(f"bp:pay:{first}")
    assert books.claim().binding.job_id == second
    assert (books.state(first), is_over(books, first)) == (State.EXPIRED, True)


def test_a_job_that_was_accepted_for_some_is_partial_when_its_payload_is_gone(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    defer(books, books.claim(), "ap")
    books.sweep()
    books.redis.delete(f"bp:pay:{job_id}")
    assert (books.claims_nothing(), books.state(job_id)) == (True, State.PARTIAL)


def test_the_payload_never_lives_longer(books: Books) -> None:
    job = new_job()
    books.do(books.ledger.accept(job))
    ends = []
    for _ in range(3):
        claim = books.claim(lease_ms=10)
        ends.append(books.redis.pexpiretime(f"bp:pay:{job.job_id}"))
        books.do(books.ledger.renew([claim], 2 * HOUR))
        fence(books, claim, lease_ms=2 * HOUR)
        ends.append(books.redis.pexpiretime(f"bp:pay:{job.job_id}"))
        defer(books, claim)
        books.sweep()
        ends.append(books.redis.pexpiretime(f"bp:pay:{job.job_id}"))
    assert ends == [job.binding.deadline_ms] * 9


# renew


def test_a_renewed_lease_ends_later(books: Books) -> None:
    job_id = books.accept()
    claim = books.claim(lease_ms=1000)
    assert books.do(books.ledger.renew([claim], 60_000)) == [True]
    assert books.redis.zscore("bp:sched", job_id) == float(books.record(job_id)["lease"]) == pytest.approx(now_ms() + 60_000, abs=500)


def test_renewing_never_shortens_the_lease_of_the_dot(books: Books) -> None:
    job_id = books.accept()
    claim = books.claim(lease_ms=1000)
    fence(books, claim, lease_ms=330_000)
    until = books.redis.zscore("bp:sched", job_id)
    assert (books.do(books.ledger.renew([claim], 30_000)), books.redis.zscore("bp:sched", job_id)) == ([True], until)


def stale(books: Books) -> Claim:
    """A claim whose job went to somebody else."""
    books.accept()
    old = books.claim(lease_ms=0)
    books.sweep()
    books.claim()
    return old


def test_the_wrong_token_changes_nothing(books: Books) -> None:
    old = stale(books)
    before = books.record(old.binding.job_id)
    assert books.do(books.ledger.renew([old], 30_000)) == [False]
    assert (fence(books, old), finish(books, old, "a"), defer(books, old)) == (False, None, False)
    assert (books.record(old.binding.job_id), books.has_payload(old.binding.job_id)) == (before, True)


# fence


def test_behind_the_fence_a_job_is_still_shown_as_sending(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    claim = books.claim()
    assert fence(books, claim, 1, lease_ms=330_000)
    record = books.record(job_id)
    assert (books.state(job_id), record["st"], record["fates"]) == (State.SENDING, "committing", "pf")
    assert float(record["lease"]) == books.redis.zscore("bp:sched", job_id) == pytest.approx(now_ms() + 330_000, abs=500)


def test_a_fence_opens_once(books: Books) -> None:
    books.accept()
    claim = books.claim()
    assert (fence(books, claim), fence(books, claim)) == (True, False)


def test_no_payload_no_dot(books: Books) -> None:
    job_id = books.accept()
    claim = books.claim()
    books.redis.delete(f"bp:pay:{job_id}")
    assert not fence(books, claim)


def test_no_dot_for_a_canceled_job(books: Books) -> None:
    job_id = books.accept()
    claim = books.claim()
    books.do(books.ledger.cancel(job_id, "acme"))
    assert not fence(books, claim)


def test_no_dot_when_all_memory_is_lost(books: Books) -> None:
    books.accept()
    claim = books.claim()
    books.redis.flushall()
    assert (fence(books, claim), finish(books, claim, "a"), defer(books, claim)) == (False, None, False)


# finish


@pytest.mark.parametrize(
    ("fates", "failure", "state"),
    [
        ("aa", None, State.SENT),
        ("ar", NOBODY_THERE, State.PARTIAL),
        ("rr", NOBODY_THERE, State.FAILED),
        ("uu", LOST, State.UNKNOWN),
        ("ur", LOST, State.UNKNOWN),
        ("ua", LOST, State.UNKNOWN),
    ],
)
def test_a_job_ends_as_its_recipients_fared(books: Books, fates: str, failure: Failure | None, state: State) -> None:
    job_id = books.accept(fates="pp", n=2)
    claim = books.claim()
    fence(books, claim, 0, 1)
    assert finish(books, claim, fates, failure) is state
    assert (books.state(job_id), is_over(books, job_id)) == (state, True)
    facts = (failure.failure_class, failure.phase) if failure else ("", "")
    assert books.counted() == {f"{state}|{facts[0]}|{facts[1]}|other|interactive": 1}


def test_the_status_tells_every_fact_of_a_failure_and_nothing_else(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    claim = books.claim()
    finish(books, claim, "ar", NOBODY_THERE)
    status = books.status(job_id)
    assert (status.fates, status.refusals, status.purged, status.attempts) == ("ar", {1: "recipient_unknown"}, True, 1)
    assert (status.failure_class, status.phase, status.smtp_code, status.enhanced_code, status.permanent) == (
        "recipient_unknown",
        "rcpt",
        550,
        "5.1.1",
        True,
    )


@pytest.mark.parametrize(("fates", "state"), [("pp", State.EXPIRED), ("ap", State.PARTIAL), ("up", State.UNKNOWN)])
def test_a_job_that_has_no_time_left_ends_at_once(books: Books, fates: str, state: State) -> None:
    job_id = books.accept(fates="pp", n=2)
    assert finish(books, books.claim(), fates, BUSY, expired=True) is state
    assert (is_over(books, job_id), books.status(job_id).failure_class) == (True, "greylisted")


def test_a_job_of_several_messages_goes_on_until_nobody_is_pending(books: Books) -> None:
    job_id = books.accept(fates="ppp", n=3)
    claim = books.claim()
    states = []
    for index, letters in enumerate(("a--", "-r-", "--a")):
        fence(books, claim, index)
        states.append(finish(books, claim, letters, NOBODY_THERE if "r" in letters else None))
        states.append(books.has_payload(job_id))
    assert states == [State.SENDING, True, State.SENDING, True, State.PARTIAL, False]
    assert (books.record(job_id)["fates"], books.status(job_id).refusals) == ("ara", {1: "recipient_unknown"})


def test_one_lost_message_does_not_stop_the_others(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    claim = books.claim()
    fence(books, claim, 0)
    assert finish(books, claim, "u-", LOST) is State.SENDING
    fence(books, claim, 1)
    assert (finish(books, claim, "-a"), books.record(job_id)["fates"]) == (State.UNKNOWN, "ua")


@pytest.mark.parametrize(("fates", "state"), [("a", State.SENT), ("r", State.FAILED)])
def test_a_late_answer_resolves_unknown_and_moves_the_count(books: Books, fates: str, state: State) -> None:
    job_id = books.accept()
    claim = books.claim()
    fence(books, claim, lease_ms=0)
    books.sweep()
    assert (books.state(job_id), list(books.counted())) == (State.UNKNOWN, ["unknown|outcome_unknown|dot|other|interactive"])
    assert finish(books, claim, fates, NOBODY_THERE if fates == "r" else None) is state
    labels = "recipient_unknown|rcpt" if fates == "r" else "|"
    assert (books.state(job_id), books.counted()) == (state, {f"{state}|{labels}|other|interactive": 1})


def test_what_is_over_is_never_written_again(books: Books) -> None:
    job_id = books.accept()
    claim = books.claim()
    finish(books, claim, "a")
    before = books.record(job_id)
    assert (finish(books, claim, "r", NOBODY_THERE), defer(books, claim), fence(books, claim)) == (None, False, False)
    assert books.record(job_id) == before


# give back


def test_a_job_that_is_given_back_is_first_in_its_queue_as_if_nobody_had_claimed_it(books: Books) -> None:
    first, second = books.accept(fates="ppp", n=3), books.accept()
    before = books.record(first)
    assert give_back(books, books.claim(), first=2)
    changed = {name: value for name, value in books.record(first).items() if before.get(name) != value}
    assert changed.keys() | {"upd"} == {"tok", "upd", "hand", "first"}  # all of this may take less than a millisecond
    assert (books.redis.keys("bp:sem:*"), books.redis.zscore("bp:sched", first)) == ([], float(before["deadline"]))
    again, then = books.claim(), books.claim()
    assert [claim.binding.job_id for claim in (again, then)] == [first, second]
    assert (again.attempt, again.first, again.pending, then.first) == (1, 2, frozenset({0, 1, 2}), 0)


def test_who_gave_a_job_back_holds_nothing(books: Books) -> None:
    job_id = books.accept()
    old = books.claim()
    give_back(books, old)
    refused = (fence(books, old), finish(books, old, "a"), defer(books, old), give_back(books, old))
    assert (refused, books.do(books.ledger.renew([old], 1000)), books.state(job_id)) == ((False, None, False, False), [False], State.QUEUED)


def test_behind_the_fence_a_job_is_not_given_back(books: Books) -> None:
    job_id = books.accept()
    claim = books.claim()
    fence(books, claim)
    assert (give_back(books, claim), books.record(job_id)["st"]) == (False, "committing")


def test_a_job_that_is_given_back_after_its_deadline_expires(books: Books) -> None:
    job_id = books.accept()
    claim = books.claim()
    books.pass_deadline(job_id)
    give_back(books, claim)
    books.sweep()
    assert (books.state(job_id), is_over(books, job_id), books.claims_nothing()) == (State.EXPIRED, True, True)


# more


def test_whether_there_is_more_is_told_when_a_job_is_claimed_or_put_down(books: Books) -> None:
    for tenant in ("acme", "acme", "bolt"):
        books.accept(tenant=tenant)
    told = []
    for end in (defer, give_back, lambda books, claim: finish(books, claim, "a")):
        claim = books.claim()
        told.append(bool(books.ledger.more))
        end(books, claim)
        told.append(bool(books.ledger.more))
    assert told == [True, True, True, True, True, True]
    while books.do(books.ledger.claim(1000, LANES)):
        pass
    assert not books.ledger.more


# defer, sweep


def test_a_deferred_job_waits_and_a_sweep_makes_it_runnable(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    assert defer(books, books.claim(), "ap", delay_ms=60_000)
    books.sweep()
    assert (books.state(job_id), books.claims_nothing()) == (State.DEFERRED, True)
    assert books.redis.zscore("bp:sched", job_id) == pytest.approx(now_ms() + 60_000, abs=500)
    books.hurry(job_id)
    books.sweep()
    claim = books.claim()
    assert (claim.binding.job_id, claim.attempt, claim.pending) == (job_id, 2, frozenset({1}))


def test_a_deferral_ends_at_the_deadline_at_the_latest(books: Books) -> None:
    job = new_job()
    books.do(books.ledger.accept(job))
    defer(books, books.claim(), delay_ms=2 * HOUR)
    assert books.redis.zscore("bp:sched", job.job_id) == job.binding.deadline_ms


def test_the_attempts_that_failed_are_counted_by_class(books: Books) -> None:
    books.accept()
    tries = {FailureClass.GREYLISTED: 2, FailureClass.TIMEOUT: 1}
    books.do(books.ledger.defer(books.claim(), outcome("p", BUSY), 0, tries))
    books.sweep()
    claim = books.claim()
    assert claim.tries == tries
    give_back(books, claim)
    assert books.claim().tries == tries


def test_a_job_of_a_dead_worker_is_queued_again_and_its_attempt_counted(books: Books) -> None:
    job_id = books.accept()
    old = books.claim(lease_ms=0)
    books.sweep()
    assert (books.state(job_id), books.status(job_id).failure_class) == (State.QUEUED, "worker_lost")
    claim = books.claim()
    assert (claim.attempt, fence(books, old), fence(books, claim)) == (2, False, True)


def test_the_codes_of_an_earlier_failure_do_not_stand_beside_a_lost_worker(books: Books) -> None:
    job_id = books.accept()
    defer(books, books.claim())
    books.sweep()
    books.claim(lease_ms=0)
    books.sweep()
    status = books.status(job_id)
    assert (status.failure_class, status.phase, status.smtp_code, status.enhanced_code) == ("worker_lost", None, None, None)


def test_the_codes_of_an_earlier_failure_do_not_stand_beside_a_lost_answer(books: Books) -> None:
    job_id = books.accept()
    defer(books, books.claim())
    books.sweep()
    fence(books, books.claim(), lease_ms=0)
    books.sweep()
    status = books.status(job_id)
    assert (status.failure_class, status.phase, status.smtp_code, status.enhanced_code) == ("outcome_unknown", "dot", None, None)


def test_a_worker_that_dies_behind_the_fence_leaves_an_unknown_job(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    fence(books, books.claim(), 0, 1, lease_ms=0)
    books.sweep()
    assert (books.state(job_id), books.record(job_id)["fates"], is_over(books, job_id)) == (State.UNKNOWN, "uu", True)


def test_a_caller_who_wants_it_gets_the_unknown_job_sent_again(books: Books) -> None:
    job_id = books.accept(on_unknown="retry")
    fence(books, books.claim(), lease_ms=0)
    books.sweep()
    assert (books.state(job_id), books.claim().pending) == (State.QUEUED, frozenset({0}))


def test_a_worker_that_dies_behind_the_fence_leaves_the_other_messages_to_others(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    fence(books, books.claim(), 0, lease_ms=0)
    books.sweep()
    claim = books.claim()
    assert (books.record(job_id)["fates"], claim.pending) == ("up", frozenset({1}))
    assert finish(books, claim, "-a") is State.UNKNOWN


@pytest.mark.parametrize("state", ["queued", "deferred", "sending"])
def test_at_its_deadline_an_open_job_expires(books: Books, state: str) -> None:
    job_id = books.accept()
    if state != "queued":
        claim = books.claim(lease_ms=0)
    if state == "deferred":
        defer(books, claim, delay_ms=HOUR)
    books.pass_deadline(job_id)
    books.sweep()
    assert (books.state(job_id), is_over(books, job_id), books.claims_nothing()) == (State.EXPIRED, True, True)


@pytest.mark.parametrize("on_unknown", ["report", "retry"])
def test_a_job_over_which_every_worker_dies_ends_all_the_same(books: Books, on_unknown: str) -> None:
    job_id = books.accept(on_unknown=on_unknown)
    for _ in range(5):
        books.claim(lease_ms=0)
        books.sweep()
    books.pass_deadline(job_id)
    books.sweep()
    assert (books.state(job_id), is_over(books, job_id)) == (State.EXPIRED, True)


def test_at_its_deadline_a_job_behind_the_fence_is_unknown_once_its_lease_is_over(books: Books) -> None:
    job_id = books.accept()
    fence(books, books.claim())
    books.pass_deadline(job_id)
    books.sweep()
    assert (books.record(job_id)["st"], books.has_payload(job_id)) == ("committing", False)
    books.hurry(job_id)
    books.sweep()
    assert (books.state(job_id), is_over(books, job_id)) == (State.UNKNOWN, True)


def test_an_answer_after_the_deadline_is_taken_while_the_lease_runs(books: Books) -> None:
    job_id = books.accept()
    claim = books.claim()
    fence(books, claim)
    books.pass_deadline(job_id)
    books.sweep()
    assert finish(books, claim, "a") is State.SENT


def test_during_the_pause_a_second_sweeper_does_nothing(books: Books) -> None:
    job_id = books.accept()
    books.claim(lease_ms=0)
    books.sweep()
    books.claim(lease_ms=0)
    assert (books.do(books.ledger.sweep(60_000)), books.state(job_id)) == ([], State.SENDING)


def test_a_bell_is_missing_for_each_other_worker_that_is_idle_while_tenants_have_work(books: Books) -> None:
    for tenant in ("acme", "bolt", "cell"):
        books.accept(tenant=tenant)
    idle(books, "me")
    idle(books, "busy", busy=1)
    idle(books, "slow", "bulk")
    missing = [books.sweep("me")]
    for worker in ("one", "two", "three", "four"):
        idle(books, worker)
        missing.append(books.sweep("me"))
    assert [len(lanes) for lanes in missing] == [0, 1, 2, 3, 3]
    assert set(missing[-1]) == {"interactive"}


def test_a_bell_that_waits_is_not_missing(books: Books) -> None:
    for lane in LANES:
        books.accept(lane=lane)
    idle(books, "other")
    books.redis.lpush("bp:bell.interactive", "ring")
    assert books.sweep() == ["bulk"]


def test_a_worker_whose_sign_of_life_is_gone_hears_no_bell(books: Books) -> None:
    books.accept()
    idle(books, "other")
    books.redis.delete("bp:pool:other")
    assert (books.sweep(), books.redis.smembers("bp:pools")) == ([], set())


def test_a_sweep_forgets_what_is_due_of_jobs_that_are_gone(books: Books) -> None:
    books.redis.zadd("bp:sched", {"01JDEXAMPLE00000000000000A": 1})
    books.sweep()
    assert books.due() == set()


# cancel


@pytest.mark.parametrize("state", ["queued", "sending", "deferred"])
def test_a_job_is_canceled_before_the_dot(books: Books, state: str) -> None:
    job_id = books.accept()
    if state != "queued":
        claim = books.claim()
    if state == "deferred":
        defer(books, claim)
    books.do(books.ledger.cancel(job_id, "acme"))
    books.do(books.ledger.cancel(job_id, "acme"))
    status = books.status(job_id)
    assert (status.state, is_over(books, job_id), books.counted()) == (State.CANCELED, True, {"canceled|||other|interactive": 1})
    assert (status.failure_class, status.phase, status.smtp_code, status.enhanced_code, status.permanent) == (None,) * 5


def test_behind_the_fence_it_is_too_late(books: Books) -> None:
    job_id = books.accept()
    fence(books, books.claim())
    with pytest.raises(TooLate):
        books.do(books.ledger.cancel(job_id, "acme"))


@pytest.mark.parametrize("fates", ["a", "r", "u"])
def test_a_job_that_is_over_is_not_canceled(books: Books, fates: str) -> None:
    job_id = books.accept()
    state = finish(books, books.claim(), fates)
    with pytest.raises(TooLate):
        books.do(books.ledger.cancel(job_id, "acme"))
    assert books.state(job_id) is state


def test_a_job_that_somebody_has_already_is_not_canceled(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    defer(books, books.claim(), "ap")
    with pytest.raises(TooLate):
        books.do(books.ledger.cancel(job_id, "acme"))


def test_a_job_that_somebody_may_have_already_is_not_canceled(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    fence(books, books.claim(), 0, lease_ms=0)
    books.sweep()
    with pytest.raises(TooLate):
        books.do(books.ledger.cancel(job_id, "acme"))


@pytest.mark.parametrize("tenant", ["other", ""])
def test_another_tenants_job_is_unknown(books: Books, tenant: str) -> None:
    job_id = books.accept()
    with pytest.raises(JobUnknown):
        books.do(books.ledger.cancel(job_id, tenant))
    with pytest.raises(JobUnknown):
        books.do(books.records.status(job_id, tenant))
    assert books.state(job_id) is State.QUEUED


def test_the_failure_of_one_message_is_kept_when_the_next_is_accepted(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    claim = books.claim()
    finish(books, claim, "r-", NOBODY_THERE)
    finish(books, claim, "-a")
    assert (books.state(job_id), books.status(job_id).failure_class) == (State.PARTIAL, "recipient_unknown")


def test_redis_that_does_not_answer_is_unavailable(books: Books) -> None:
    async def ask() -> None:
        async with AsyncRedis.from_url("unix:///nowhere/redis.sock") as client:
            await Ledger(client, 60).claim(1000, LANES)

    with pytest.raises(Unavailable):
        books.do(ask())
