"""Pool: connections that have served and may serve again, never across credentials; bounded in number, rest and age."""

import asyncio
import hmac
import secrets
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from dispatcher.contracts.accounts import simulated
from dispatcher.contracts.mail import Account, Envelope
from dispatcher.contracts.outcome import TOO_MANY_OF_US, Failure, Outcome
from workers.smtp.dialogue import Dialogue, fate
from workers.smtp.egress import Egress
from workers.smtp.entrance import enter
from workers.smtp.limits import SmtpLimits
from workers.smtp.objections import objection
from workers.smtp.session import Fence, Session
from workers.smtp.simulator import SimulatedServer
from workers.smtp.tokens import Tokens
from workers.smtp.transcript import FIRST, Attempt, Transcript

LATE_SECONDS: Final = 0.1  # a loop's timer may come a little early


class Rest(msgspec.Struct, frozen=True):
    """How long a connection may serve: at rest, in all, and for how many transactions."""

    idle_seconds: float = 10
    age_seconds: float = 300
    transactions: int = 50


REST: Final = Rest()


class Pool:
    """The connections of one process under one egress policy; at most `most_idle` are at rest, 0 keeps none.

    A key is a keyed hash over our EHLO name and every field of the account, password and PEM among them: whoever could not sign in gets no
    connection.
    """

    def __init__(
        self, egress: Egress, most_idle: int = 0, tokens: Tokens | None = None, *, simulator: bool = True, rest: Rest = REST
    ) -> None:
        self.egress = egress
        self._tokens = tokens
        self._simulator = simulator
        self._most_idle = most_idle
        self._rest = rest
        self._secret = secrets.token_bytes(32)
        self._idle: deque[tuple[bytes, float, Session]] = deque()  # key, time of the loop; who rested last stands at the right

    async def transmit(
        self, message: bytes, envelope: Envelope, account: Account, *, fence: Fence, limits: SmtpLimits, attempt: Attempt = FIRST
    ) -> Outcome:
        """The fate of every index of the envelope; raises nothing but CancelledError, and hangs up when it does.

        `fence` is asked once, between the last byte of the body and the dot, for the indexes of the accepted recipients: no yes, no dot.
        A connection that turns out to be dead before it took the sender costs nothing: a new one takes its place.
        """
        failure = objection(message, envelope, account, limits.ehlo_name, allow_plaintext=self.egress.allow_plaintext)
        if failure is not None:
            return _of_all(envelope, failure)
        overall = asyncio.get_running_loop().time() + limits.total_seconds
        key = self._key(account, limits)
        session = self._take(key)
        if session is not None:
            with heard_by(attempt.transcript, session):
                dialogue = await self._transact(key, session, message, envelope, fence, overall)
            if not dialogue.stale:
                return dialogue.outcome
            self._drop(key)
        session = self.session(account, limits, envelope, attempt.number)
        with heard_by(attempt.transcript, session):
            failure = await enter(session, overall)
            if failure is not None:
                return _of_all(envelope, failure)
            return (await self._transact(key, session, message, envelope, fence, overall)).outcome

    def session(self, account: Account, limits: SmtpLimits, envelope: Envelope, attempt: int = 1) -> Session:
        """A new one, not entered yet; the simulator must know whom it will be told."""
        server = SimulatedServer(envelope, attempt) if self._simulator and simulated(account) else None
        return Session(account, self.egress, limits, self._tokens, server)

    def close(self) -> None:
        """Hangs up everywhere; what is in use will not be kept."""
        self._most_idle = 0
        self._rest_at_most(0)

    async def _transact(self, key: bytes, session: Session, message: bytes, envelope: Envelope, fence: Fence, overall: float) -> Dialogue:
        try:
            dialogue = await session.transact(message, envelope, fence, overall)
        except asyncio.CancelledError:
            session.hang_up()
            raise
        failure = dialogue.outcome.failure
        if failure is not None and failure.failure_class in TOO_MANY_OF_US:
            session.hang_up()  # at rest it would be one of those that are too many
        else:
            self._give_back(key, session)
        return dialogue

    def _key(self, account: Account, limits: SmtpLimits) -> bytes:
        return hmac.digest(self._secret, msgspec.msgpack.encode((account, limits.ehlo_name)), "sha256")

    def _take(self, key: bytes) -> Session | None:
        """The one of this key that rested last, if it is young, and its line quiet."""
        self._expire()
        found = next((entry for entry in reversed(self._idle) if entry[0] == key), None)
        if found is None:
            return None
        self._idle.remove(found)
        session = found[2]
        if session.quiet and asyncio.get_running_loop().time() - session.began <= self._rest.age_seconds:
            return session
        session.hang_up()
        return self._take(key)

    def _give_back(self, key: bytes, session: Session) -> None:
        """It rests, or is hung up."""
        used_up = session.transactions >= self._rest.transactions or session.simulated is not None
        if not self._most_idle or not session.quiet or used_up:
            session.hang_up()
            return
        loop = asyncio.get_running_loop()
        self._idle.append((key, loop.time(), session))
        self._rest_at_most(self._most_idle)
        loop.call_later(self._rest.idle_seconds + LATE_SECONDS, self._expire)

    def _drop(self, key: bytes) -> None:
        """Where one was dead its sisters are."""
        for entry in [entry for entry in self._idle if entry[0] == key]:
            self._idle.remove(entry)
            entry[2].hang_up()

    def _expire(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._idle and now - self._idle[0][1] >= self._rest.idle_seconds:
            self._idle.popleft()[2].hang_up()

    def _rest_at_most(self, number: int) -> None:
        while len(self._idle) > number:
            self._idle.popleft()[2].hang_up()


@contextmanager
def heard_by(transcript: Transcript | None, session: Session) -> Iterator[None]:
    """Meanwhile what is said on the connection is noted, which will be another job's by and by."""
    if transcript is None:
        yield
        return
    transcript.begin(session.account.host, session.account.port)
    session.speech.transcript = transcript
    try:
        yield
    finally:
        session.speech.transcript = None
        tls = session.connection.tls if session.connection else None
        transcript.tls_version = tls.version() if tls else None


def _of_all(envelope: Envelope, failure: Failure) -> Outcome:
    """What never came to a transaction has one fate for all."""
    return Outcome.all(envelope.indexes, fate(failure), failure)


async def transmit(message: bytes, envelope: Envelope, account: Account, *, egress: Egress, fence: Fence, limits: SmtpLimits) -> Outcome:
    """The same on a connection of its own."""
    return await Pool(egress).transmit(message, envelope, account, fence=fence, limits=limits)
