"""Session: an administrator at a browser. Her cookie names the API key that she showed once, and an end; a keyed hash proves it ours."""

import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Final

import msgspec

from dispatcher.contracts.base64url import text
from dispatcher.contracts.errors import Unauthenticated
from dispatcher.contracts.secret import Secret
from dispatcher.intake.api_keys import ApiKeys
from dispatcher.intake.caller import Scope

NONCE_BYTES: Final = 16
COOKIE_CHARACTERS: Final = 200


class Session(msgspec.Struct, frozen=True):
    """It ends at `expires`, in seconds since 1970; the nonce tells two sessions of one key apart."""

    key_id: str
    expires: int
    nonce: str

    @property
    def said(self) -> bytes:
        """What the cookie says, without its proof."""
        return f"{self.key_id}.{self.expires}.{self.nonce}".encode()


@dataclass(frozen=True)
class Sessions:
    """Nothing of them is kept: each request reads its cookie, and the file of API keys as it is now."""

    api_keys: ApiKeys
    secret: Secret
    seconds: int

    def begin(self, token: str, address: str | None) -> Session:
        """Of who shows an API key that may administer; raises Unauthenticated, Forbidden, ApiKeysUnreadable."""
        shown = self.api_keys.caller(token, address).must(Scope.ADMIN)
        return Session(shown.key_id, int(time.time()) + self.seconds, secrets.token_urlsafe(NONCE_BYTES))

    def cookie(self, session: Session) -> str:
        """What the browser brings back."""
        return f"{session.said.decode()}.{self._proof(session)}"

    def read(self, cookie: str, address: str | None) -> Session:
        """Whose cookie it is; raises Unauthenticated when it is not ours or over, or its key would not open any more from this address."""
        parts = cookie.split(".")
        if len(cookie) > COOKIE_CHARACTERS or not cookie.isascii() or len(parts) != 4 or not parts[1].isdecimal():  # noqa: PLR2004 -- three said, one proves
            raise Unauthenticated
        session = Session(parts[0], int(parts[1]), parts[2])
        if not hmac.compare_digest(parts[3], self._proof(session)) or not time.time() < session.expires <= time.time() + self.seconds:
            raise Unauthenticated
        self.api_keys.known(session.key_id, address).must(Scope.ADMIN)
        return session

    def form_token(self, session: Session) -> str:
        """What every form of this session carries, and no other page can know."""
        return text(self.secret.digest("dashboard form", session.said))

    def is_ours(self, session: Session, form_token: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(form_token.encode(), self.form_token(session).encode())

    def _proof(self, session: Session) -> str:
        return text(self.secret.digest("dashboard session", session.said))
