"""Hands: a worker with a claim, perhaps a dead one, and what it may say of a message; the same for the ledger and for its model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.outcome import Contact, Failure, FailureClass, Fate, Outcome, SmtpPhase
from tests.contracts.model.ledger import Said

BEFORE_THE_DOT: Final = str.maketrans("au", "rp")  # nobody is accepted yet, and nobody unconfirmed
FAILURES: Final = (
    Failure(FailureClass.GREYLISTED, SmtpPhase.RCPT, 451, "4.7.1", permanent=False),
    Failure(FailureClass.CONNECT_REFUSED, SmtpPhase.CONNECT, permanent=False),
    Failure(FailureClass.AUTH_REJECTED, SmtpPhase.AUTH, 535, "5.7.8"),
)


@dataclass(frozen=True)
class Fared:
    """How a message fared: a letter for each of three recipients, and why."""

    letters: str
    failure: Failure
    contact: Contact | None


@dataclass
class Hand:
    """`fates` as far as this worker knows; `flying` are behind the fence; `calls` is how many outcomes it told."""

    claim: Claim
    fates: str
    flying: frozenset[int] = frozenset()
    calls: int = 0

    @property
    def job_id(self) -> str:
        return self.claim.binding.job_id

    @property
    def pending(self) -> frozenset[int]:
        return frozenset(index for index, letter in enumerate(self.fates) if letter == "p")

    @property
    def concerned(self) -> list[int]:
        """Of whom it speaks."""
        return sorted(self.flying or self.pending)

    def finished(self, fared: Fared) -> tuple[Outcome, Said]:
        allowed = fared.letters if self.flying else fared.letters.translate(BEFORE_THE_DOT)
        return self._said({index: allowed[index] for index in self.concerned}, fared, written(self.claim.tries))

    def deferred(self, fared: Fared, tries: Mapping[FailureClass, int]) -> tuple[Outcome, Said]:
        """Somebody is pending."""
        first = self.concerned[0]
        named = {index: fared.letters[index] if self.flying else "p" for index in self.concerned} | {first: "p"}
        return self._said(named, fared, written(tries))

    def learn(self, letters: Mapping[int, str]) -> None:
        self.fates = "".join(letters.get(index, letter) for index, letter in enumerate(self.fates))
        self.flying = frozenset()

    def _said(self, named: dict[int, str], fared: Fared, tries: str) -> tuple[Outcome, Said]:
        fates = {index: Fate(letter) for index, letter in named.items()}
        if not set(named.values()) - {"a"}:
            return Outcome(fates, contact=fared.contact), Said(named, tries=tries, contact=fared.contact)
        failure = fared.failure
        refused = {index: failure for index, letter in named.items() if letter == "r"}
        code = None if failure.smtp_code is None else str(failure.smtp_code)
        why = (str(failure.failure_class), code, failure.enhanced_code, str(failure.phase))
        said = Said(named, why, str(int(failure.permanent)), ",".join(f"{index}:{why[0]}" for index in refused), tries, fared.contact)
        return Outcome(fates, failure, refused, contact=fared.contact), said


def written(tries: Mapping[FailureClass, int]) -> str:
    return ",".join(f"{name}:{number}" for name, number in tries.items())
