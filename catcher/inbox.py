"""The inbox: the newest mails with the facts of their arrival, in memory only, capped by number and by bytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

MAILS_LIMIT: Final = 500
BYTES_LIMIT: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a mail came in; tls and cipher are None in clear, user is None when nobody signed in."""

    envelope_from: str
    envelope_to: tuple[str, ...]
    tls: str | None
    cipher: str | None
    user: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Headline:
    message_id: str
    subject: str
    sender: str


@dataclass(frozen=True, slots=True, eq=False)
class Mail:
    number: int
    source: bytes
    arrival: Arrival
    headline: Headline


class Inbox:
    """Numbers go up and are never used twice, so a link never shows another mail than it did before."""

    def __init__(self, mails_limit: int = MAILS_LIMIT, bytes_limit: int = BYTES_LIMIT) -> None:
        self._mails: dict[int, Mail] = {}
        self._mails_limit = mails_limit
        self._bytes_limit = bytes_limit
        self._bytes = 0
        self._last_number = 0

    def __len__(self) -> int:
        return len(self._mails)

    def __iter__(self) -> Iterator[Mail]:
        """Oldest first."""
        return iter(tuple(self._mails.values()))

    def get(self, number: int) -> Mail | None:
        return self._mails.get(number)

    def keep(self, source: bytes, arrival: Arrival, headline: Headline) -> Mail:
        self._last_number += 1
        mail = Mail(self._last_number, source, arrival, headline)
        self._mails[mail.number] = mail
        self._bytes += len(source)
        while len(self._mails) > self._mails_limit or self._bytes > self._bytes_limit:
            self._drop_oldest()
        return mail

    def clear(self) -> None:
        self._mails.clear()
        self._bytes = 0

    def _drop_oldest(self) -> None:
        oldest = self._mails.pop(next(iter(self._mails)))
        self._bytes -= len(oldest.source)
