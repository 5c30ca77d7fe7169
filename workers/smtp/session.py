"""Session: one transmission: connect to an address that was checked, play the dialogue, keep every deadline."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable

from dispatcher.contracts.address import host_name
from dispatcher.contracts.mail import Account, Envelope, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase
from workers.smtp.connection import Connection, open_connection, stuffed, tls_failure, trust
from workers.smtp.dialogue import AskFence, Command, Dialogue, Event, Listen, Read, StartTls, Write, WriteBody
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.objections import objection
from workers.smtp.replies import local

Fence = Callable[[frozenset[int]], Awaitable[bool]]


async def transmit(message: bytes, envelope: Envelope, account: Account, *, egress: Egress, fence: Fence, limits: SmtpLimits) -> Outcome:
    """The fate of every index of the envelope; raises nothing but CancelledError, and hangs up when it does.

    `fence` is asked once, between the last byte of the body and the dot, for the indexes of the accepted recipients: no yes, no dot.
    """
    ehlo_name = account.ehlo_name or limits.ehlo_name
    failure = objection(message, envelope, account, ehlo_name)
    if failure is None and account.tls is Tls.NONE and not egress.allow_plaintext:
        failure = local(FailureClass.HOST_FORBIDDEN)
    if failure is not None:
        return Outcome.all(envelope.indexes, _fate(failure), failure)
    overall = asyncio.get_running_loop().time() + limits.total_seconds
    connection = await open_connection(account, egress, limits, overall)
    if isinstance(connection, Failure):
        return Outcome.all(envelope.indexes, _fate(connection), connection)
    dialogue = Dialogue(message, envelope, account, ehlo_name)
    session = _Session(connection, dialogue, message, account, fence, limits)
    try:
        await session.play(overall)
    except TimeoutError:
        return dialogue.time_out()
    except Exception:  # noqa: BLE001 -- whatever went wrong, what was said decides
        return dialogue.give_up(local(FailureClass.INTERNAL_ERROR, dialogue.phase))
    finally:
        session.hang_up()
    return dialogue.give_up(local(FailureClass.INTERNAL_ERROR, dialogue.phase))


@dataclasses.dataclass(frozen=True, slots=True)
class _Session:
    """The dialogue's commands carried out on one connection."""

    connection: Connection
    dialogue: Dialogue
    message: bytes
    account: Account
    fence: Fence
    limits: SmtpLimits

    async def play(self, overall: float) -> None:
        """Until there is no command left; raises TimeoutError."""
        loop, dialogue = asyncio.get_running_loop(), self.dialogue
        command, awaited, until = dialogue.step(), None, 0.0
        while command is not None:
            if dialogue.waiting_for != awaited:
                awaited = dialogue.waiting_for
                until = loop.time() + self.limits.seconds(dialogue.phase, len(self.message))
            async with asyncio.timeout_at(until if dialogue.phase is SmtpPhase.DOT else min(until, overall)):
                event = await self._carry_out(command)
            command = None if dialogue.outcome is not None and dialogue.phase is not SmtpPhase.QUIT else dialogue.step(event)

    async def _carry_out(self, command: Command) -> Event:
        match command:
            case Read():
                return await self.connection.read()
            case Write(data=data):
                self.connection.write(data)
            case StartTls():
                await self._secure()
            case WriteBody():
                await self.connection.write_all(stuffed(self.message))
            case Listen():
                return await self.connection.listen()
            case AskFence(indexes=indexes):
                return await self._ask_fence(indexes)
        return None

    async def _secure(self) -> None:
        try:
            context = trust(self.limits.ca_file, self.account.ca_pem)
        except (OSError, ValueError):  # a PEM that is none
            self.dialogue.give_up(local(FailureClass.TLS_CERT_UNTRUSTED, SmtpPhase.TLS))
            return
        try:
            await self.connection.secure(context, host_name(self.account.host) or self.account.host)
        except TimeoutError:
            raise
        except OSError as error:
            implicit = self.account.tls is Tls.IMPLICIT
            self.dialogue.give_up(local(tls_failure(error, implicit=implicit), SmtpPhase.TLS))

    async def _ask_fence(self, indexes: frozenset[int]) -> bool:
        try:
            return await self.fence(indexes)
        except Exception:  # noqa: BLE001 -- no record, no dot
            return False

    def hang_up(self) -> None:
        """QUIT is sent and its answer not awaited; any other end leaves nothing to be sent."""
        if self.dialogue.phase is SmtpPhase.QUIT:
            self.connection.close()
        else:
            self.connection.abort()


def _fate(failure: Failure) -> Fate:
    return Fate.REFUSED if failure.permanent else Fate.PENDING
