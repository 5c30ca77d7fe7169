"""Entrance: from an account to a session that may be used: a checked address, the first that answers, and the opening.

A server that is silent where it should speak first, or breaks off TLS there, is asked on a second connection whether it speaks
the other mode.
"""

import asyncio
from typing import Final

from dispatcher.contracts.errors import JobError
from dispatcher.contracts.mail import Tls
from dispatcher.contracts.outcome import Failure, FailureClass, SmtpPhase
from workers.smtp.dial import dial
from workers.smtp.opening import Opening
from workers.smtp.probe import speaks_the_other_mode
from workers.smtp.replies import local
from workers.smtp.session import Session
from workers.smtp.simulator import SimulatedConnection

IMPLICIT_PORTS: Final = frozenset({465, 2465})
FIRST_WORD: Final = {Tls.IMPLICIT: SmtpPhase.TLS, Tls.STARTTLS: SmtpPhase.BANNER, Tls.NONE: SmtpPhase.BANNER}


async def enter(session: Session, overall: float) -> Failure | None:
    """Connects, secures and signs in; why it could not, and then it has hung up. Raises nothing but CancelledError.

    `overall` is the time of the loop that ends everything before a dot.
    """
    failure: Failure | None = local(FailureClass.INTERNAL_ERROR)
    try:
        address = await _reach(session, overall)
        failure = address if isinstance(address, Failure) else await _open(session, address, overall)
    finally:
        if failure is not None:
            session.hang_up()
    return failure


async def _reach(session: Session, overall: float) -> str | Failure:
    """The address that is connected to."""
    if session.simulated is not None:
        session.connection = SimulatedConnection(session.simulated)
        return ""
    account = session.account
    session.note(SmtpPhase.RESOLVE)
    try:
        addresses = await session.egress.resolve(account.host, account.port)
    except JobError as error:
        return local(error.failure, SmtpPhase.RESOLVE)
    except Exception:  # noqa: BLE001 -- an address that cannot be judged is not connected to
        return local(FailureClass.INTERNAL_ERROR, SmtpPhase.RESOLVE)
    session.note(SmtpPhase.CONNECT)
    found = await dial(addresses, account.port, session.limits, overall)
    if isinstance(found, FailureClass):
        return local(found, SmtpPhase.CONNECT)
    address, session.connection = found
    return address


async def _open(session: Session, address: str, overall: float) -> Failure | None:
    opening = Opening(session.speech, session.account, session.limits)
    playing = asyncio.create_task(session.play(opening, overall))
    try:
        await asyncio.wait({playing}, timeout=session.limits.doubt_seconds)
        if _stands_outside(session, opening) and await _is_the_other_mode(session, address, playing) and _stands_outside(session, opening):
            return local(FailureClass.TLS_MODE_MISMATCH, session.speech.phase)
        await playing
    finally:
        playing.cancel()
    silent = opening.failure is not None and opening.failure.failure_class is FailureClass.BANNER_TIMEOUT
    if silent and session.account.port in IMPLICIT_PORTS and session.account.tls is not Tls.IMPLICIT:
        return local(FailureClass.TLS_MODE_MISMATCH, SmtpPhase.BANNER)
    return opening.failure


def _stands_outside(session: Session, opening: Opening) -> bool:
    """Before the first word, or after a handshake that the server broke off."""
    broken_off = opening.failure is not None and opening.failure.failure_class is FailureClass.TLS_HANDSHAKE
    return session.speech.phase is FIRST_WORD[session.account.tls] and (broken_off or not opening.ended)


async def _is_the_other_mode(session: Session, address: str, playing: "asyncio.Task[None]") -> bool:
    """Asked while there is hope that the server only thinks, and within the time that it has for that."""
    left = max(0.0, min(session.limits.probe_seconds, session.until - asyncio.get_running_loop().time()))
    asking = asyncio.create_task(speaks_the_other_mode(address, session.account.port, session.account.tls, left))
    try:
        await asyncio.wait({asking} if playing.done() else {asking, playing}, return_when=asyncio.FIRST_COMPLETED)
        return asking.done() and asking.result()
    finally:
        asking.cancel()
