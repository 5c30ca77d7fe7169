"""Machine: workers, submitters, operators and time do what chance bids; Redis holds what the model says, and keeps its promises."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from dispatcher.contracts.claim import NewJob
from dispatcher.contracts.errors import JobUnknown, KeyReused, QuotaExhausted, RateLimited, TooLate
from dispatcher.contracts.outcome import Contact, Outcome
from dispatcher.contracts.seal import Binding
from tests.contracts.model.hands import FAILURES, Fared, Hand, written
from tests.contracts.model.jobs import FINAL, Job
from tests.contracts.model.keys import Value, expected, expected_ends
from tests.contracts.model.ledger import Model, Said
from tests.contracts.model.posts import FEW, NARROW, Post, destination, posts
from tests.contracts.model.promises import Promises
from tests.contracts.model.queues import LANES
from tests.contracts.model.world import STATUS_TTL_MS, World

Lanes = tuple[str, ...]
SCOPES: Final = ("all", "lane:interactive", "lane:bulk", "tenant:acme", "destination:other")
MISHAPS: Final = ("cancel", "cancel", "cancel another's", "lose payload", "lose payload", "pause", "pause")
NOT_OURS: Final = frozenset({"met", "pause", "pool", "pools", "resting", "sweeping"})
AFTER_UNKNOWN: Final = frozenset({"unknown", "sent", "partial", "failed"})
fared = st.builds(Fared, st.text("aarup", min_size=3, max_size=3), st.sampled_from(FAILURES), st.sampled_from((None, *Contact)))
several_lanes = st.sampled_from((LANES, LANES, LANES[::-1], LANES[:1], LANES[1:]))
which = st.sampled_from((0, 0, 0, 0, 1, 1, 2, 3, 5))
leases = st.sampled_from((500, 30_000, 30_000))
times = st.sampled_from((*(None,) * 6, 1, 600, 3000, 3000, 60_000, 4_000_000))


class Machine(RuleBasedStateMachine):
    """Old hands stay in play: their tokens must be worth nothing."""

    jobs = Bundle("jobs")

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.clockwork, self.ledger, self.do = world, world.clockwork, world.ledger, world.do
        self.model = Model(self.clockwork.wind_up(), FEW, NARROW, STATUS_TTL_MS)
        self.states: dict[str, str] = {}
        self.posted = 0
        self.hands: list[Hand] = []
        self.mailed: dict[tuple[str, int], str] = {}

    # submitters

    @initialize(target=jobs, posted=st.lists(posts, min_size=3, max_size=10))
    def accept_many(self, posted: list[Post]) -> MultipleResults[str]:
        accepted = [self.accept_one(post) for post in posted]
        return multiple(*(job_id for job_id in accepted if job_id))

    @rule(target=jobs, post=posts)
    def accept(self, post: Post) -> str | MultipleResults[str]:
        return self.accept_one(post) or multiple()

    def accept_one(self, post: Post) -> str | None:
        self.posted += 1
        job = post.job(self.posted, self.model.now)
        new = post.new_job(job)
        same(self.answer_to(new), self.model.accept(job, new.idempotency, new.fingerprint))
        return job.id if job.id in self.model.jobs else None

    def answer_to(self, new: NewJob) -> tuple[object, ...]:
        try:
            accepted = self.do(self.ledger.accept(new))
        except KeyReused:
            return ("other",)
        except RateLimited as limited:
            return "full" if isinstance(limited, QuotaExhausted) else "often", limited.retry_after_seconds
        if accepted.replayed:
            return "replay", accepted.job_id
        return "new", accepted.bell_needed, accepted.posts_left, accepted.full_again_seconds

    def cancel(self, job_id: str, tenant: str) -> None:
        try:
            self.do(self.ledger.cancel(job_id, tenant))
            answer = "canceled"
        except (JobUnknown, TooLate) as error:
            answer = "unknown" if isinstance(error, JobUnknown) else "late"
        same(answer, self.model.cancel(self.model.jobs[job_id], tenant))

    # workers

    @rule(lanes=several_lanes, lease=leases, most=st.integers(1, 4))
    def claim(self, lanes: Lanes, lease: int, most: int) -> None:
        for _ in range(most):
            self.claim_one(lanes, lease)

    def claim_one(self, lanes: Lanes, lease: int) -> Hand | None:
        claim, leased = self.do(self.ledger.claim(lease, lanes)), self.model.claim(lanes, lease)
        same(bool(self.ledger.more), bool(leased and self.model.more))
        if claim is None or leased is None:
            same((claim, leased), (None, None))
            self.check_that_nothing_was_left_lying(lanes)
            return None
        job, messages = leased
        job.token = claim.token
        same((claim.binding, claim.sealed), (Binding(job.tenant, job.id, job.deadline), b"x" * job.size))
        same((claim.now_ms, claim.accepted_ms, claim.attempt), (self.model.now, job.accepted, job.attempts))
        same(claim.veiled, job.account is None)
        same((claim.fates, written(claim.tries), claim.first, claim.messages), (job.fates, job.tries, job.first or 0, messages))
        self.check_that_it_may_be_in_hand(job)
        self.hands.insert(0, Hand(claim, claim.fates))
        return self.hands[0]

    def one(self, which: int) -> Hand:
        """Number nought claimed last."""
        return self.hands[which % len(self.hands)]

    @precondition(lambda self: self.hands)
    @rule(which=which, lease=leases)
    def renew(self, which: int, lease: int) -> None:
        hand = self.one(which)
        renewed = self.do(self.ledger.renew([hand.claim], lease))
        same(renewed, [self.model.renew(self.model.jobs[hand.job_id], hand.claim.token, lease)])

    @precondition(lambda self: self.hands)
    @rule(which=which, chosen=st.frozensets(st.integers(0, 2)), lease=leases)
    def fence(self, which: int, chosen: frozenset[int], lease: int) -> None:
        hand = self.one(which)
        indexes = hand.pending & chosen or hand.pending
        opened = self.do(self.ledger.fence(hand.claim, indexes, lease))
        same(opened, self.model.fence(self.model.jobs[hand.job_id], hand.claim.token, indexes, lease))
        if opened:
            self.check_that_nobody_is_mailed_twice(hand.job_id, indexes)
            hand.flying = indexes

    @precondition(lambda self: self.hands)
    @rule(which=which, fared=fared, expired=st.sampled_from((False, False, False, True)))
    def finish(self, which: int, fared: Fared, *, expired: bool) -> None:
        hand = self.one(which)
        outcome, said = hand.finished(fared)
        hand.calls += 1
        if self.finished(hand, outcome, said, expired=expired):
            same(bool(self.ledger.more), self.model.more)
            self.learn(hand, said.letters)
            self.finished(hand, outcome, said, expired=expired)  # as if the answer had been lost

    def finished(self, hand: Hand, outcome: Outcome, said: Said, *, expired: bool) -> str | None:
        call = f"{hand.claim.token}-{hand.calls}"
        state = self.do(self.ledger.finish(hand.claim, outcome, expired=expired, call=call))
        same(state, self.model.finish(self.model.jobs[hand.job_id], hand.claim.token, said, expired=expired, call=call))
        return state

    @precondition(lambda self: self.hands)
    @rule(which=which, fared=fared, delay=st.sampled_from((0, 2000, 600_000)), soon=st.sampled_from((None, 1000)))
    def defer(self, which: int, fared: Fared, delay: int, soon: int | None) -> None:
        hand = self.one(which)
        if not hand.concerned:
            return
        tries = dict(hand.claim.tries) | {fared.failure.failure_class: hand.claim.attempt}
        outcome, said = hand.deferred(fared, tries)
        deferred = self.do(self.ledger.defer(hand.claim, outcome, delay, tries, soon))
        same(deferred, self.model.defer(self.model.jobs[hand.job_id], hand.claim.token, said, delay, soon))
        if deferred:
            same(bool(self.ledger.more), self.model.more)
            self.learn(hand, said.letters)

    @precondition(lambda self: self.hands)
    @rule(which=which, first=st.integers(0, 2))
    def give_back(self, which: int, first: int) -> None:
        hand = self.one(which)
        given = self.do(self.ledger.give_back(hand.claim, first))
        same(given, self.model.give_back(self.model.jobs[hand.job_id], hand.claim.token, first))

    @precondition(lambda self: self.hands)
    @rule(which=which, inside=posts.filter(lambda post: post.who[1] is not None))
    def unveil(self, which: int, inside: Post) -> None:
        hand = self.one(which)
        job, facts = self.model.jobs[hand.job_id], inside.job(0, 0)
        callback = b"callback" if facts.tells else b""
        unveiled = self.do(self.ledger.unveil(hand.claim, destination(facts), callback))
        same(unveiled, self.model.unveil(job, hand.claim.token, facts))
        self.clockwork.pass_time(0)  # a callback that would have been forgotten by now is never kept
        if unveiled:
            same(bool(self.ledger.more), self.model.more)

    def learn(self, hand: Hand, letters: Mapping[int, str]) -> None:
        hand.learn(letters)
        self.mailed |= {(hand.job_id, index): letter for index, letter in letters.items()}

    @rule(fared=fared, times=st.integers(1, 4), fences=st.booleans(), defers=st.booleans(), waits=st.booleans())
    def attempts(self, fared: Fared, times: int, *, fences: bool, defers: bool, waits: bool) -> None:
        """Several that fare alike, each when it is due, or one right after the other."""
        for _ in range(times):
            self.attempt(fared, fences=fences, defers=defers)
            if waits:
                self.pass_time(None)
                self.sweep({}, busy=False)

    def attempt(self, fared: Fared, *, fences: bool, defers: bool) -> None:
        hand = self.claim_one(LANES, 30_000)
        if hand and fences:
            self.fence(0, hand.pending, 30_000)
        if hand and defers:
            self.defer(0, fared, 2000, 1000)
        elif hand:
            self.finish(0, fared, expired=False)

    # operators, accidents, time

    @rule(idle=st.dictionaries(st.sampled_from(("one", "two", "three")), several_lanes, max_size=3), busy=st.booleans())
    def sweep(self, idle: dict[str, Lanes], *, busy: bool) -> None:
        self.model.pools = {name: (busy, lanes) for name, lanes in idle.items()}
        self.clockwork.show_pools(self.model.pools)
        same(sorted(self.do(self.ledger.sweep(60_000, "one"))), self.model.sweep("one"))

    @rule(milliseconds=times)
    def pass_time(self, milliseconds: int | None) -> None:
        """Until a worker is lost, a deferral is over or a queue may go on, where it is not said how long."""
        due = [job.due for job in self.model.jobs.values() if job.due is not None and job.state != "queued"]
        passing = milliseconds or max(0, min((*due, *self.model.queues.parked.values()), default=0) - self.model.now)
        self.clockwork.pass_time(passing)
        self.model.pass_time(passing)

    @rule(job_id=jobs, how=st.sampled_from(MISHAPS), scope=st.sampled_from(SCOPES))
    def interfere(self, job_id: str, how: str, scope: str) -> None:
        if how == "pause":
            self.pause(scope, 0 if scope in self.model.queues.pauses else 800)
        elif how == "lose payload":
            self.lose_payload(job_id)
        else:
            self.cancel(job_id, "bolt" if how == "cancel another's" else self.model.jobs[job_id].tenant)

    def lose_payload(self, job_id: str) -> None:
        self.clockwork.redis.delete(f"bp:pay:{job_id}")
        self.model.jobs[job_id].sealed = False

    def pause(self, scope: str, milliseconds: int) -> None:
        """Or end it."""
        self.model.queues.pauses[scope] = self.model.now + milliseconds
        self.clockwork.redis.set(f"bp:pause:{scope}", "why", pxat=self.model.now + milliseconds)

    # what must hold

    @invariant()
    def redis_is_as_the_model_says(self) -> None:
        self.world.steps += 1
        values, ends = self.clockwork.glance()
        ours = {name: value for name, value in values.items() if name.partition(":")[0] not in NOT_OURS}
        same(differences(ours, expected(self.model)), {})
        same(differences({name: end for name, end in ends.items() if name in ours}, expected_ends(self.model)), {})
        same(cells(values), +self.model.cells)
        same(Promises(values, ends, self.model.now, NARROW).broken(), [])
        self.check_that_one_at_most_holds_a_job()
        self.check_that_what_is_over_stays_so({job.id: job.state for job in self.model.jobs.values()})

    def check_that_nobody_is_mailed_twice(self, job_id: str, indexes: frozenset[int]) -> None:
        """Unless the server said no, or the submitter wants it so."""
        may = {"p", "f", "u"} if self.model.jobs[job_id].retries_unknown else {"p"}
        same([index for index in indexes if self.mailed.get((job_id, index), "p") not in may], [])
        self.mailed |= dict.fromkeys(((job_id, index) for index in indexes), "f")

    def check_that_one_at_most_holds_a_job(self) -> None:
        holders = Counter(hand.job_id for hand in self.hands if self.model.holds(self.model.jobs[hand.job_id], hand.claim.token))
        same([job_id for job_id, number in holders.items() if number > 1], [])

    def check_that_what_is_over_stays_so(self, states: dict[str, str]) -> None:
        changed = {job_id: states[job_id] for job_id, was in self.states.items() if was in FINAL and states[job_id] != was}
        same({job_id: state for job_id, state in changed.items() if self.states[job_id] != "unknown" or state not in AFTER_UNKNOWN}, {})
        self.states = states

    def check_that_nothing_was_left_lying(self, lanes: Lanes) -> None:
        """The rings are compared with those in Redis after each step."""
        same([lane for lane in lanes if self.model.queues.rings[lane] and not self.model.pauses(f"lane:{lane}")], [])

    def check_that_it_may_be_in_hand(self, job: Job) -> None:
        look = Promises(*self.clockwork.glance(), self.model.now, NARROW)
        same([seat for seat in job.seats if look.taken(seat) > look.most(seat)], [])


def same(found: object, wanted: object) -> None:
    assert found == wanted, f"{found!r} is not {wanted!r}"


def differences(found: Mapping[str, object], wanted: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    names = sorted(found.keys() | wanted.keys())
    return {name: (found.get(name), wanted.get(name)) for name in names if found.get(name) != wanted.get(name)}


def cells(values: Mapping[str, Value]) -> Counter[str]:
    counted = Counter[str]()
    for name, numbers in values.items():
        if name.removeprefix("met:").isdigit() and isinstance(numbers, dict):
            counted.update({cell: int(float(number)) for cell, number in numbers.items()})
    return +counted
