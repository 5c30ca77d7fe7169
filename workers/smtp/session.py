"""Session: one connection to a mail server, on which one passage of the talk after another is played, with a deadline for everything."""

import asyncio
from collections.abc import Awaitable, Callable

from dispatcher.contracts.address import host_name
from dispatcher.contracts.mail import Account, ClientCredentialsAuth, Envelope, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, SmtpPhase
from dispatcher.contracts.tracing import enter_phase
from workers.smtp.connection import Connection, stuffed
from workers.smtp.dialogue import Dialogue
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.replies import local
from workers.smtp.simulator import SimulatedConnection, SimulatedServer
from workers.smtp.speech import AskFence, Command, Event, FetchToken, Listen, Passage, Read, Speech, StartTls, Write, WriteBody
from workers.smtp.tls import tls_failure, trust
from workers.smtp.tokens import Tokens

Fence = Callable[[frozenset[int]], Awaitable[bool]]


class Session:
    """`steps` are the phases that it went through, each with the loop's time at its start; `until` is the deadline of the present one."""

    def __init__(
        self, account: Account, egress: Egress, limits: SmtpLimits, tokens: Tokens | None = None, simulated: SimulatedServer | None = None
    ) -> None:
        self.account = account
        self.egress = egress
        self.limits = limits
        self.simulated = simulated
        self.speech = Speech()
        self.connection: Connection | SimulatedConnection | None = None
        self.began = asyncio.get_running_loop().time()
        self.transactions = 0
        self.steps: list[tuple[SmtpPhase, float]] = []
        self.until = 0.0
        self._tokens = tokens
        self._message = b""
        self._fence: Fence | None = None

    @property
    def quiet(self) -> bool:
        """Whether another transaction may begin: the last passage ended in order, and the server has said nothing since."""
        return self.connection is not None and self.speech.orderly and not self.connection.spoken

    async def transact(self, message: bytes, envelope: Envelope, fence: Fence, overall: float) -> Dialogue:
        """One transaction, ended, with its outcome; raises nothing but CancelledError."""
        self._message, self._fence = message, fence
        dialogue = Dialogue(self.speech, message, envelope, reused=self.transactions > 0, chunking=self.limits.chunking)
        self.transactions += 1
        try:
            await self.play(dialogue, overall)
        finally:
            self._message, self._fence = b"", None
            if not dialogue.ended:
                self.speech.break_off()
        return dialogue

    def hang_up(self) -> None:
        """QUIT is said where a command may be, and its answer not awaited; any other end leaves nothing to be sent."""
        if self.connection is not None and self.quiet:
            self.speech.phase = SmtpPhase.QUIT
            self.connection.write(b"QUIT\r\n")
            self.connection.close()
        elif self.connection is not None:
            self.connection.abort()

    async def play(self, passage: Passage, overall: float) -> None:
        """Until the passage has ended, whatever happens; each phase has its time, and a recipient counts as one."""
        awaited, event = None, None
        try:
            while (command := passage.step(event)) is not None:
                if passage.waiting_for != awaited:
                    awaited = self._await(passage, overall)
                async with asyncio.timeout_at(overall if isinstance(command, WriteBody) else self.until):
                    event = await self._carry_out(command)
                if isinstance(command, WriteBody):  # it has a pace instead of a deadline; what follows begins anew
                    awaited = None
        except TimeoutError:
            passage.time_out()
        except Exception:  # noqa: BLE001 -- whatever went wrong, what was said decides
            passage.give_up(local(FailureClass.INTERNAL_ERROR, self.speech.phase))

    def note(self, phase: SmtpPhase) -> None:
        """A phase begins."""
        if not self.steps or self.steps[-1][0] is not phase:
            self.steps.append((phase, asyncio.get_running_loop().time()))
            enter_phase(phase)

    def _await(self, passage: Passage, overall: float) -> tuple[SmtpPhase, int]:
        """Sets the deadline; the answer to the dot has its own time in full."""
        phase, _ = awaited = passage.waiting_for
        self.note(phase)
        until = asyncio.get_running_loop().time() + passage.patience(self.limits)
        self.until = until if phase is SmtpPhase.DOT else min(until, overall)
        return awaited

    async def _carry_out(self, command: Command) -> Event:
        connection = self.connection
        if connection is None:
            raise ConnectionResetError
        match command:
            case Read():
                return await connection.read()
            case Write(data=data):
                connection.write(data)
            case StartTls():
                return await self._secure(connection)
            case FetchToken(refused=refused):
                return await self._token(refused)
            case WriteBody(stuffed=is_stuffed):
                return await connection.write_all(
                    stuffed(self._message) if is_stuffed else self._message, self.limits.body_bytes_per_second
                )
            case Listen():
                return await connection.listen()
            case AskFence(indexes=indexes):
                return await self._ask_fence(indexes)
        return None

    async def _token(self, refused: str | None) -> str | FailureClass:
        if self.simulated is not None:
            return ""
        if self._tokens is None or not isinstance(self.account.auth, ClientCredentialsAuth):
            return FailureClass.AUTH_MECHANISM
        return await self._tokens.fetch(self.account.auth, self.egress, stale=refused)

    async def _secure(self, connection: Connection | SimulatedConnection) -> Failure | None:
        try:
            context = trust(self.limits.ca_file, self.account.ca_pem)
        except (OSError, ValueError):  # a PEM that is none
            self.speech.break_off()
            return local(FailureClass.TLS_CERT_UNTRUSTED, SmtpPhase.TLS)
        try:
            await connection.secure(context, host_name(self.account.host) or self.account.host)
        except TimeoutError:
            raise
        except OSError as error:
            self.speech.break_off()
            return local(tls_failure(error, implicit=self.account.tls is Tls.IMPLICIT), SmtpPhase.TLS)
        return None

    async def _ask_fence(self, indexes: frozenset[int]) -> bool:
        try:
            return self._fence is not None and await self._fence(indexes)
        except Exception:  # noqa: BLE001 -- no record, no dot
            return False
