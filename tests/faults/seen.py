"""Seen: what the sink saw, as its process tells it and a test reads it. All moments are seconds since 1970."""

import msgspec


class Mail(msgspec.Struct):
    """One mail that came to its dot; one that is taken is so from then on, whether or not the answer is heard.

    `answered_at` is None when whoever brought it had gone before; `ended_at` is the end of its connection, if that has come.
    """

    message_id: str
    recipients: tuple[str, ...]
    date: str
    ehlo: str
    user: str
    dot_at: float
    answered_at: float | None = None
    ended_at: float | None = None


class Cut(msgspec.Struct, frozen=True):
    """A mail whose sender hung up after DATA and before its dot: it was not taken."""

    message_id: str
    ehlo: str
    at: float


class SignIn(msgspec.Struct, frozen=True):
    """An attempt to sign in, and the code that answered it."""

    user: str
    at: float
    code: int


class Ledger(msgspec.Struct, frozen=True):
    """All of it.

    `refused` are mails that came to their dot and were not taken; `asked` tells how often each address was named in RCPT, `most` the most
    connections of one user at once.
    """

    mails: list[Mail]
    cuts: list[Cut]
    sign_ins: list[SignIn]
    asked: dict[str, int]
    most: int
    refused: list[Mail] = []


class Glance(msgspec.Struct, frozen=True):
    """What is the case now; `holding` tells for each phase the EHLO name of who is held there last."""

    mails: int
    cuts: int
    connections: int
    holding: dict[str, str]
