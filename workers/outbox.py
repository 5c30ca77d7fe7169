"""Outbox: the messages of one job that are to be transmitted in this attempt; what the server says of one may add another at once."""

from collections import deque

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.job import Job
from dispatcher.contracts.mail import Envelope
from dispatcher.contracts.outcome import FailureClass, Fate, Outcome, Remark


class Outbox:
    """Messages of at most so many recipients, from the claim's first one on and round again; `job` is as they are composed now."""

    def __init__(self, job: Job, claim: Claim, own_address: str | None, recipients_per_message: int = 100) -> None:
        self.job = job
        self._first = claim.first
        self._own_address = own_address
        self._most = recipients_per_message
        self._envelopes = self._line(claim.pending)

    def __bool__(self) -> bool:
        return bool(self._envelopes)

    @property
    def waiting(self) -> frozenset[int]:
        """The recipients of all messages that are still in it."""
        return frozenset().union(*(envelope.indexes for envelope in self._envelopes))

    def take(self) -> Envelope:
        """The next message's envelope."""
        return self._envelopes.popleft()

    def learn(self, outcome: Outcome) -> Outcome:
        """The outcome of the message that was taken; whoever gets another transaction at once is pending in it.

        Too many recipients: the others are told in the next transaction (RFC 5321 section 4.5.3.1.10), as long as each takes somebody.
        The sender is refused: once, the account's own address takes the author's place.
        The mail is too large: its largest attachment is left out, where the submitter allows it.
        """
        again, warnings = frozenset[int](), dict[Remark, int]()
        if Fate.ACCEPTED in outcome.fates.values():
            again = _those(outcome, FailureClass.TOO_MANY_RECIPIENTS)
        refused = _those(outcome, FailureClass.SENDER_REFUSED)
        if refused and self._own_address is not None and self._may_send_as_itself():
            again, warnings = again | refused, {Remark.SENDER_REPLACED: 1}
            self.job = self.job.sent_from(self._own_address)
        too_large = _those(outcome, FailureClass.MESSAGE_TOO_LARGE)
        if too_large and (lighter := self.job.lighter()):
            again, self.job = again | too_large, lighter
        if not again:
            return outcome
        self._envelopes = self._line(again | self.waiting)
        told = {index: failure for index, failure in outcome.refusals.items() if index not in again}
        fates = outcome.fates | dict.fromkeys(sorted(again), Fate.PENDING)
        return Outcome(fates, next(iter(told.values()), None), told, warnings, outcome.contact, outcome.receipt)

    def _line(self, indexes: frozenset[int]) -> deque[Envelope]:
        return deque(sorted(self.job.envelopes(indexes, self._most), key=lambda envelope: min(envelope.indexes) < self._first))

    def _may_send_as_itself(self) -> bool:
        return self.job.sender is None and self._own_address != self.job.submission.author.address


def _those(outcome: Outcome, failure_class: FailureClass) -> frozenset[int]:
    """The recipients that were not accepted for this reason."""
    return frozenset(index for index, fate in outcome.fates.items() if fate is not Fate.ACCEPTED and _says(outcome, index, failure_class))


def _says(outcome: Outcome, index: int, failure_class: FailureClass) -> bool:
    failure = outcome.reason(index)
    return failure is not None and failure.failure_class is failure_class
