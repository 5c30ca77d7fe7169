"""Hall: jobs by whose they are ("tenant account host"), and workers that take them in hand as courtesy allows."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.outcome import Contact, Failure, FailureClass, Fate, Outcome, SmtpPhase, State
from tests.contracts.conftest import LANES, MANY, Books, now_ms

REASONS: Final = {
    Contact.DOWN: Failure(FailureClass.CONNECT_TIMEOUT, SmtpPhase.CONNECT, permanent=False),
    Contact.DENIED: Failure(FailureClass.AUTH_REJECTED, SmtpPhase.AUTH, 535, "5.7.8"),
    Contact.CROWDED: Failure(FailureClass.RATE_LIMITED, SmtpPhase.BANNER, 421, "4.3.2", permanent=False),
}


class Hall:
    """`whose` tells of each job what it was posted as; `held` are the claims of those in hand, first come first."""

    def __init__(self, books: Books, **courtesy: Any) -> None:  # noqa: ANN401 -- fields of Courtesy
        self.books = books
        self.ledger = books.ledger_with(replace(MANY, **courtesy))
        self.held: dict[str, list[Claim]] = defaultdict(list)
        self.whose: dict[str, str] = {}

    def post(self, *whose: str, lane: str = "interactive", **record: str | int) -> list[str]:
        """Their ids."""
        return [self._post(name, lane, record) for name in whose]

    def _post(self, whose: str, lane: str, record: dict[str, str | int]) -> str:
        tenant, account, host = whose.split()
        job_id = self.books.accept(tenant=tenant, dp=account, hp=host, lane=lane, **record)
        self.whose[job_id] = whose
        return job_id

    def take(self, lanes: Iterable[str] = LANES, lease_ms: int = 30_000) -> str | None:
        """Whose job a worker has in hand now; None when none may be."""
        claim = self.books.do(self.ledger.claim(lease_ms, lanes))
        if claim is None:
            return None
        whose = self.whose[claim.binding.job_id]
        self.held[whose].append(claim)
        return whose

    def take_all(self, lanes: Iterable[str] = LANES) -> list[str]:
        return list(iter(lambda: self.take(lanes), None))

    def sent(self, whose: str, contact: Contact | None = Contact.GOOD) -> State | None:
        claim = self.held[whose].pop(0)
        outcome = Outcome(dict.fromkeys(sorted(claim.pending), Fate.ACCEPTED), contact=contact)
        return self.books.do(self.ledger.finish(claim, outcome))

    def deferred(self, whose: str, contact: Contact, *, soon_ms: int | None = None) -> str:
        """The job that failed so, and is due at once."""
        claim = self.held[whose].pop(0)
        outcome = Outcome(dict.fromkeys(sorted(claim.pending), Fate.PENDING), REASONS[contact], contact=contact)
        self.books.do(self.ledger.defer(claim, outcome, 0, {}, soon_ms))
        return claim.binding.job_id

    def refused(self, whose: str) -> State | None:
        """Its sign-in."""
        claim = self.held[whose].pop(0)
        outcome = Outcome(dict.fromkeys(sorted(claim.pending), Fate.REFUSED), REASONS[Contact.DENIED], contact=Contact.DENIED)
        return self.books.do(self.ledger.finish(claim, outcome))

    def given_back(self, whose: str) -> bool:
        return self.books.do(self.ledger.give_back(self.held[whose].pop(0)))

    def canceled(self, whose: str) -> None:
        claim = self.held[whose].pop(0)
        self.books.do(self.ledger.cancel(claim.binding.job_id, claim.binding.tenant))

    def rest(self, account: str) -> dict[str, str]:
        """What is known of an account."""
        return self.books.redis.hgetall(f"bp:brk:{account}")

    def rested(self, account: str) -> None:
        """Its rest or its lock is over, and a sweep has seen that."""
        for moment in {"rest", "locked"} & self.rest(account).keys():
            self.books.redis.hset(f"bp:brk:{account}", moment, now_ms() - 1)
        self.go_on()

    def go_on(self) -> None:
        """The moment of every queue that is parked has come."""
        for name in self.books.redis.zrange("bp:park", 0, -1):
            self.books.redis.zadd("bp:park", {name: 1})
        self.books.sweep()
