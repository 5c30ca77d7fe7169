"""Sasl: signing in, as the lines that a client says (RFC 4954); no I/O."""

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Callable, Generator
from typing import Final

from dispatcher.contracts.errors import BeampostError
from dispatcher.contracts.mail import Account, ClientCredentialsAuth, OauthbearerAuth, PasswordAuth, Xoauth2Auth
from dispatcher.contracts.outcome import FailureClass
from workers.smtp import scram

MAX_COMMAND: Final = 12_288  # RFC 4954 section 4
NONCE_BYTES: Final = 24
CONTROL: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")

# Takes challenges, gives answers. Its first word goes with the command, or is None where the server speaks first. It returns
# its last answer where that closes a proof of the server; at any other end it is over.
Words = Generator[bytes | None, str, bytes | None]
Sayings = Generator[bytes | None, str, None]


class Unproven(BeampostError):
    """The mail server did not say its side of the sign-in as one that knows the password does."""


class TooCostly(BeampostError):
    """The mail server asks for more work than a sign-in is given."""


class Exchange:
    """One sign-in; `proven` says whether a 235 may be believed now."""

    def __init__(self, mechanism: str, talk: Words, *, proven: bool = True) -> None:
        self.mechanism = mechanism
        self.proven = proven
        self._talk = talk
        self._held: bytes | None = None

    def command(self) -> bytes:
        """The line that begins it; our first word waits for a challenge where the line would be too long."""
        command = b"AUTH " + self.mechanism.encode("ascii")
        first = next(self._talk)
        if first is None:
            return command + b"\r\n"
        line = command + b" " + (base64.b64encode(first) or b"=") + b"\r\n"
        if len(line) <= MAX_COMMAND:
            return line
        self._held = first
        return command + b"\r\n"

    def answer(self, challenge: str) -> bytes:
        """The line that answers the text of a 334; raises Unproven or TooCostly."""
        answer, self._held = self._held, None
        if answer is None:
            answer = self._next(challenge)
        return base64.b64encode(answer) + b"\r\n"

    def _next(self, challenge: str) -> bytes:
        try:
            answer = self._talk.send(challenge)
        except StopIteration as end:
            answer = end.value
            self.proven = self.proven or answer is not None
        if answer is None:
            raise Unproven
        return answer


def choose(account: Account, offered: frozenset[str], mechanisms: tuple[str, ...], token: str | None = None) -> Exchange | FailureClass:
    """The exchange for the account's credentials and the server's mechanisms, or why there is none.

    `mechanisms` is the operator's order for passwords. Only one is tried: a weaker one after a refusal is what an attacker waits for.
    """
    match account.auth:
        case PasswordAuth(user=user, password=password):
            return _unsayable(user, password) or _password(user, password, offered, mechanisms)
        case Xoauth2Auth(user=user, token=given):
            return _unsayable(user, given) or _bearer(account, user, given, offered & {"XOAUTH2"})
        case OauthbearerAuth(user=user, token=given):
            return _unsayable(user, given) or _bearer(account, user, given, offered & {"OAUTHBEARER"})
        case ClientCredentialsAuth(user=user) if token is not None:
            return _unsayable(user, token) or _bearer(account, user, token, offered)
    return FailureClass.AUTH_MECHANISM


def scram_sha_256(user: str, password: str, nonce: str) -> Exchange:
    """Signing in to a server that must prove to know the password's key, by a nonce that is never used again."""
    return Exchange("SCRAM-SHA-256", _scram(user, password, nonce), proven=False)


def _unsayable(*words: str) -> FailureClass | None:
    """A control character would say more than a name."""
    return FailureClass.AUTH_REJECTED if any(map(CONTROL.search, words)) else None


def _password(user: str, password: str, offered: frozenset[str], mechanisms: tuple[str, ...]) -> Exchange | FailureClass:
    mechanism = next((name for name in mechanisms if name in offered), None)
    if mechanism is None:
        return FailureClass.AUTH_MECHANISM
    if mechanism == "SCRAM-SHA-256":
        return scram_sha_256(user, password, secrets.token_urlsafe(NONCE_BYTES))
    return Exchange(mechanism, BY_PASSWORD[mechanism](user.encode(), password.encode()))


def _bearer(account: Account, user: str, token: str, offered: frozenset[str]) -> Exchange | FailureClass:
    """OAUTHBEARER first: it is the standard, and tells the server for which host the token was meant; Microsoft has XOAUTH2 only."""
    if "OAUTHBEARER" in offered:
        return Exchange("OAUTHBEARER", _oauthbearer(account, user, token))
    if "XOAUTH2" in offered:
        return Exchange("XOAUTH2", _xoauth2(user, token))
    return FailureClass.AUTH_MECHANISM


def _plain(user: bytes, password: bytes) -> Sayings:
    """RFC 4616."""
    yield b"\0" + user + b"\0" + password


def _login(user: bytes, password: bytes) -> Sayings:
    """Two challenges, whatever they say: servers ask in their own words (draft-murchison-sasl-login)."""
    yield None
    yield user
    yield password


def _cram_md5(user: bytes, password: bytes) -> Sayings:
    """RFC 2195."""
    challenge = _decoded((yield None))
    if not challenge:
        raise Unproven
    yield user + b" " + hmac.digest(password, challenge, "md5").hex().encode("ascii")


def _xoauth2(user: str, token: str) -> Sayings:
    """A challenge is the refusal, and an empty answer asks for its reply."""
    yield f"user={user}\x01auth=Bearer {token}\x01\x01".encode()
    yield b""


def _oauthbearer(account: Account, user: str, token: str) -> Sayings:
    """A challenge is the refusal, and its answer asks for the reply (RFC 7628 section 3.2.3)."""
    name = scram.escaped(user)
    yield f"n,a={name},\x01host={account.host}\x01port={account.port}\x01auth=Bearer {token}\x01\x01".encode()
    yield b"\x01"


def _scram(user: str, password: str, nonce: str) -> Words:
    bare = scram.client_first(user, nonce)
    heard = _text((yield (scram.GS2_HEADER + bare).encode()))
    if heard.startswith("e="):
        yield b""  # asks for the reply that says why; nothing is proven by it
        return None
    server = scram.server_first(heard, nonce)
    if server is None or server.iterations < scram.MIN_ITERATIONS:
        raise Unproven
    if server.iterations > scram.MAX_ITERATIONS:
        raise TooCostly
    proof = scram.prove(password, bare, server)
    heard = _text((yield proof.final.encode()))
    if heard.startswith("e="):
        yield b""
        return None
    if not scram.is_signed(heard, proof.signature):
        raise Unproven
    return b""


def _decoded(challenge: str) -> bytes:
    try:
        return base64.b64decode(challenge, validate=True)
    except (binascii.Error, ValueError):
        raise Unproven from None


def _text(challenge: str) -> str:
    try:
        return _decoded(challenge).decode()
    except UnicodeDecodeError:
        raise Unproven from None


BY_PASSWORD: Final[dict[str, Callable[[bytes, bytes], Sayings]]] = {"PLAIN": _plain, "LOGIN": _login, "CRAM-MD5": _cram_md5}
