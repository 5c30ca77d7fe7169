"""Opening: from the greeting to a connection that may be used: EHLO, TLS, sign-in. Nothing is opportunistic.

[tls ->] banner -> ehlo -> [tls -> ehlo] -> [auth]
"""

from dispatcher.contracts.mail import Account, ClientCredentialsAuth, NoAuth, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, SmtpPhase
from workers.smtp import sasl
from workers.smtp.limits import SmtpLimits
from workers.smtp.reader import Garbled, extensions
from workers.smtp.replies import classify, local
from workers.smtp.speech import MORE, OK, READY, SIGNED_IN, FetchToken, Passage, Speech, Talk, in_turn


class Opening(Passage):
    """The first passage of every talk; after it without failure, `speech` knows what the server offers."""

    def __init__(self, speech: Speech, account: Account, limits: SmtpLimits) -> None:
        self._account = account
        self._limits = limits
        self._ehlo = f"EHLO {account.ehlo_name or limits.ehlo_name}\r\n".encode("ascii")
        super().__init__(speech, in_turn(self._greet, self._introduce, self._protect, self._sign_in))

    def _greet(self) -> Talk:
        if self._account.tls is Tls.IMPLICIT:
            self.speech.phase = SmtpPhase.TLS
            failure = yield from self.speech.secure()
            if failure is not None:
                return failure
        self.speech.phase = SmtpPhase.BANNER
        reply = yield from self.speech.greeting()
        return None if reply.code == READY else classify(self.speech.phase, reply)

    def _introduce(self) -> Talk:
        self.speech.phase = SmtpPhase.EHLO
        reply = yield from self.speech.ask(self._ehlo)
        if reply.code // 100 != OK:
            return classify(self.speech.phase, reply)
        self.speech.extensions = extensions(reply)
        return None

    def _protect(self) -> Talk:
        if self._account.tls is not Tls.STARTTLS:
            return None
        self.speech.phase = SmtpPhase.TLS
        if "STARTTLS" not in self.speech.extensions:
            return local(FailureClass.TLS_NOT_OFFERED, self.speech.phase)
        reply = yield from self.speech.ask(b"STARTTLS\r\n")
        if reply.code // 100 != OK:
            return classify(self.speech.phase, reply)
        failure = yield from self.speech.secure()
        return failure or (yield from self._introduce())  # what was offered in clear counts no more: RFC 3207 section 4.2

    def _sign_in(self) -> Talk:
        if isinstance(self._account.auth, NoAuth):
            return None
        self.speech.phase = SmtpPhase.AUTH
        if "AUTH" not in self.speech.extensions or self._account.tls is Tls.NONE:
            return local(FailureClass.AUTH_UNAVAILABLE, self.speech.phase)
        if not isinstance(self._account.auth, ClientCredentialsAuth):
            return (yield from self._exchange(None))
        return (yield from self._sign_in_with_a_token())

    def _sign_in_with_a_token(self) -> Talk:
        """A kept token may have been revoked since: refused, it is tried once more with one that is new."""
        refused, failure = None, None
        for _ in range(2):
            token = yield FetchToken(refused)
            if isinstance(token, FailureClass) or not isinstance(token, str):  # a class is a word too
                return local(token if isinstance(token, FailureClass) else FailureClass.AUTH_TEMPORARY, self.speech.phase)
            failure = yield from self._exchange(token)
            if failure is None or failure.failure_class is not FailureClass.AUTH_REJECTED:
                return failure
            refused = token
        return failure

    def _exchange(self, token: str | None) -> Talk:
        exchange = sasl.choose(self._account, self.speech.extensions["AUTH"], self._limits.mechanisms, token)
        if isinstance(exchange, FailureClass):
            return local(exchange, self.speech.phase)
        reply = yield from self.speech.ask(exchange.command())
        try:
            while reply.code == MORE:
                reply = yield from self.speech.ask(exchange.answer(" ".join(reply.text)))
        except sasl.TooCostly:
            return self._broken_off(FailureClass.AUTH_MECHANISM)
        except sasl.Unproven:
            raise Garbled from None
        if reply.code != SIGNED_IN:
            return classify(self.speech.phase, reply)
        return None if exchange.proven else self._broken_off(FailureClass.PROTOCOL_ERROR)

    def _broken_off(self, failure_class: FailureClass) -> Failure:
        self.speech.break_off()
        return local(failure_class, self.speech.phase)
