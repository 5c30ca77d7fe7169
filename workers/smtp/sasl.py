"""Sasl: signing in, as the lines a client says (RFC 4954); no I/O."""

import base64
import re
from typing import Final

import msgspec

from dispatcher.contracts.mail import Account, OauthbearerAuth, PasswordAuth, Xoauth2Auth
from dispatcher.contracts.outcome import FailureClass

MAX_COMMAND: Final = 12_288  # RFC 4954 section 4
CONTROL: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class Exchange(msgspec.Struct, frozen=True):
    """A mechanism and what we say, in order: with the command where it fits, else one answer a challenge."""

    mechanism: str
    answers: tuple[bytes, ...]
    initial: bool = True

    def lines(self) -> tuple[bytes, ...]:
        """The AUTH command and the answers to each 334, with line ends."""
        command = b"AUTH " + self.mechanism.encode("ascii")
        first, *later = (base64.b64encode(answer) for answer in self.answers)
        joined = command + b" " + (first or b"=")
        said = (joined, *later) if self.initial and len(joined) + 2 <= MAX_COMMAND else (command, first, *later)
        return tuple(line + b"\r\n" for line in said)


def begin(account: Account, offered: frozenset[str]) -> Exchange | FailureClass:
    """The exchange for the account's credentials and the server's mechanisms, or why there is none."""
    match account.auth:
        case PasswordAuth(user=user, password=password):
            if CONTROL.search(user) or CONTROL.search(password):
                return FailureClass.AUTH_REJECTED
            return _password(user.encode(), password.encode(), offered)
        case Xoauth2Auth(user=user, token=token) | OauthbearerAuth(user=user, token=token):
            if CONTROL.search(user) or CONTROL.search(token):
                return FailureClass.AUTH_REJECTED
            return _bearer(account, user, token, offered)
    return FailureClass.AUTH_MECHANISM


def _password(user: bytes, password: bytes, offered: frozenset[str]) -> Exchange | FailureClass:
    if "PLAIN" in offered:
        return Exchange("PLAIN", (b"\0" + user + b"\0" + password,))  # RFC 4616
    if "LOGIN" in offered:
        return Exchange("LOGIN", (user, password), initial=False)
    return FailureClass.AUTH_MECHANISM


def _bearer(account: Account, user: str, token: str, offered: frozenset[str]) -> Exchange | FailureClass:
    """The last answer closes an exchange that the server has refused with a challenge (RFC 7628 section 3.2.3)."""
    if isinstance(account.auth, Xoauth2Auth) and "XOAUTH2" in offered:
        return Exchange("XOAUTH2", (f"user={user}\x01auth=Bearer {token}\x01\x01".encode(), b""))
    if isinstance(account.auth, OauthbearerAuth) and "OAUTHBEARER" in offered:
        name = user.replace("=", "=3D").replace(",", "=2C")  # RFC 5801 section 4
        told = f"n,a={name},\x01host={account.host}\x01port={account.port}\x01auth=Bearer {token}\x01\x01"
        return Exchange("OAUTHBEARER", (told.encode(), b"\x01"))
    return FailureClass.AUTH_MECHANISM
