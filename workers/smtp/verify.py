"""Verify: the doctor of mail accounts: every step up to a sender that is taken and taken back; nothing is mailed."""

import asyncio
import ssl
import time
from typing import Final

from dispatcher.contracts.address import needs_smtputf8
from dispatcher.contracts.mail import Account, Envelope
from dispatcher.contracts.outcome import Failure, FailureClass, SmtpPhase
from dispatcher.contracts.verification import Capabilities, Certificate, Step, Verification, known_mechanisms, known_size
from workers.smtp.entrance import enter
from workers.smtp.limits import SmtpLimits
from workers.smtp.objections import PATH, account_objection
from workers.smtp.pool import Pool
from workers.smtp.replies import classify, local
from workers.smtp.session import Session
from workers.smtp.speech import OK, Passage, Speech, Talk

DAY_SECONDS: Final = 86_400


class SenderCheck(Passage):
    """MAIL and RSET: whether the server would take mail from this sender."""

    def __init__(self, speech: Speech, sender: str) -> None:
        self._sender = sender
        super().__init__(speech, self._whole())

    def _whole(self) -> Talk:
        self.speech.phase = SmtpPhase.MAIL
        if not PATH.fullmatch(self._sender):
            return local(FailureClass.ADDRESS_INVALID, self.speech.phase)
        utf8 = " SMTPUTF8" if needs_smtputf8(self._sender) else ""
        if utf8 and "SMTPUTF8" not in self.speech.extensions:
            return local(FailureClass.SMTPUTF8_UNSUPPORTED, self.speech.phase)
        reply = yield from self.speech.ask(f"MAIL FROM:<{self._sender}>{utf8}\r\n".encode())
        if reply.code // 100 != OK:
            return classify(self.speech.phase, reply)
        yield from self.speech.ask(b"RSET\r\n")
        return None


async def verify(account: Account, sender: str | None, pool: Pool, limits: SmtpLimits) -> Verification:
    """What a new connection shows, within `limits.total_seconds`. Without a sender the account's own address is asked about, if any."""
    failure = account_objection(account, limits.ehlo_name, allow_plaintext=pool.egress.allow_plaintext)
    if failure is not None:
        return Verification.failed(failure)
    loop = asyncio.get_running_loop()
    overall = loop.time() + limits.total_seconds
    sender = sender or account.own_address
    session = pool.session(account, limits, Envelope(sender or "", ()))
    try:
        failure = await enter(session, overall)
        if failure is None and sender is not None:
            check = SenderCheck(session.speech, sender)
            await session.play(check, overall)
            failure = check.failure
        return Verification(_steps(session, failure, loop.time()), _certificate(session), _capabilities(session))
    finally:
        session.hang_up()


def _steps(session: Session, failure: Failure | None, ended: float) -> tuple[Step, ...]:
    """One for each phase, in the order in which they began, the failed one last; EHLO is said again under TLS, and counts once."""
    seconds: dict[SmtpPhase, float] = {}
    ends = [start for _, start in session.steps[1:]] + [ended]
    for (phase, start), end in zip(session.steps, ends, strict=True):
        seconds[phase] = seconds.get(phase, 0.0) + end - start
    failed = failure and (failure.phase or SmtpPhase.RESOLVE)
    steps = [Step(phase, ok=True, milliseconds=round(1000 * lasted)) for phase, lasted in seconds.items() if phase is not failed]
    if failed:
        steps.append(Step(failed, ok=False, milliseconds=round(1000 * seconds.get(failed, 0.0)), failure=failure))
    return tuple(steps)


def _certificate(session: Session) -> Certificate | None:
    """Of a handshake that succeeded, so that the name is the right one."""
    tls = session.connection.tls if session.connection is not None else None
    shown = tls.getpeercert() if tls is not None else None
    if tls is None or not shown:
        return None
    left = ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()
    return Certificate(tls.version() or "", int(left // DAY_SECONDS), names_match=True)


def _capabilities(session: Session) -> Capabilities | None:
    offered = session.speech.extensions
    if not offered:
        return None
    return Capabilities(
        size=known_size(offered.get("SIZE", ())),
        pipelining="PIPELINING" in offered,
        smtputf8="SMTPUTF8" in offered,
        chunking="CHUNKING" in offered,
        eight_bit_mime="8BITMIME" in offered,
        auth=known_mechanisms(offered.get("AUTH", ())),
    )
