"""Debugging: one session for a tenant and a few in all, ended by time or by word, and entries that only its key opens; on a real Valkey."""

from typing import Final

import msgspec
import pytest
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.debugging import DebugSession, DebugSessionOpen, DebugSessions, DebugSessionsFull
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.job import new_job_id
from dispatcher.contracts.reader_key import new_pair, open_with
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.wire import DEBUG_CONTEXT
from tests.contracts.conftest import Books, now_ms

SECRET: Final = Secret(bytes(32))
PUBLIC, PRIVATE = new_pair()


class Admin:
    """Of a tenant."""

    def __init__(self, books: Books, tenant: str = "acme", secret: Secret = SECRET) -> None:
        self.books = books
        self.tenant = tenant
        self.sessions = DebugSessions(books.records.redis, secret)

    def open(self, seconds: int = 60, most: int = 10) -> DebugSession:
        return self.books.do(self.sessions.open(self.tenant, new_job_id(), PUBLIC, seconds, most))

    def end(self, session: DebugSession) -> bool:
        return self.books.do(self.sessions.end(self.tenant, session.session_id))

    def note(self, session: DebugSession, *entries: bytes, most: int = 200) -> None:
        self.books.do(self.sessions.note(self.tenant, session, entries, most))

    def read(self, session: DebugSession) -> list[bytes]:
        sealed = self.books.do(self.sessions.entries(self.tenant))
        return [open_with(PRIVATE, entry, DEBUG_CONTEXT, session.session_id) for entry in sealed]

    def has(self) -> DebugSession | None:
        return self.books.do(self.sessions.of(self.tenant))


def lasting(books: Books) -> dict[str, DebugSession]:
    return books.do(DebugSessions(books.records.redis, SECRET).lasting())


def test_a_session_is_the_tenants_until_its_time_is_over(books: Books) -> None:
    admin = Admin(books)
    session = admin.open(60)
    assert session.until_ms == pytest.approx(now_ms() + 60_000, abs=5000)
    assert (admin.has(), Admin(books, "other").has(), lasting(books)) == (session, None, {"acme": session})
    assert books.redis.pexpiretime("bp:debug:acme") == books.redis.pexpiretime("bp:debugging") == session.until_ms


def test_it_cannot_be_prolonged_only_begun_anew(books: Books) -> None:
    admin = Admin(books)
    first = admin.open()
    with pytest.raises(DebugSessionOpen):
        admin.open(3600)
    assert admin.has() == first
    admin.note(first, b"entry")
    assert admin.end(first)
    second = admin.open()
    assert (admin.has(), admin.read(second)) == (second, [])


def test_there_are_no_more_than_so_many_in_all(books: Books) -> None:
    first = Admin(books, "first")
    session = first.open(most=2)
    Admin(books, "second").open(most=2)
    with pytest.raises(DebugSessionsFull):
        Admin(books, "third").open(most=2)
    assert first.end(session)
    Admin(books, "third").open(most=2)


def test_one_that_is_over_is_none_of_them(books: Books) -> None:
    Admin(books, "first").open()
    books.redis.zadd("bp:debugging", {"first": 1})
    books.redis.delete("bp:debug:first")
    second = Admin(books, "second").open(most=1)
    assert lasting(books) == {"second": second}


def test_ending_one_leaves_nothing_of_it(books: Books) -> None:
    admin = Admin(books)
    session = admin.open()
    admin.note(session, b"entry")
    assert (admin.end(session), admin.end(session), books.redis.keys("*")) == (True, False, [])


def test_nobody_ends_anothers(books: Books) -> None:
    session = Admin(books).open()
    assert not Admin(books, "other").end(session)
    assert lasting(books) == {"acme": session}


@pytest.mark.parametrize("part", [slice(0, 1), slice(0, 25), slice(1, 26), slice(0, 0)])
def test_a_part_of_its_id_ends_none(books: Books, part: slice) -> None:
    admin = Admin(books)
    session = admin.open()
    assert not books.do(admin.sessions.end("acme", session.session_id[part]))
    assert admin.has() == session


def test_the_last_entries_are_kept_and_die_with_the_session(books: Books) -> None:
    admin = Admin(books)
    session = admin.open()
    admin.note(session, b"1", b"2", most=3)
    admin.note(session, b"3", b"4", most=3)
    assert admin.read(session) == [b"2", b"3", b"4"]
    assert books.redis.pexpiretime("bp:dbg:acme") == session.until_ms


def test_nothing_is_noted_once_it_has_ended_nor_in_the_next_one(books: Books) -> None:
    admin = Admin(books)
    first = admin.open()
    admin.end(first)
    admin.note(first, b"late")
    assert books.redis.keys("*") == []
    second = admin.open()
    admin.note(first, b"late")
    assert admin.read(second) == []


@pytest.mark.parametrize("field", ["session_id", "until_ms", "public_key", "tag"])
def test_one_that_was_written_by_somebody_else_is_none(books: Books, field: str) -> None:
    admin = Admin(books)
    session = admin.open()
    other = {"session_id": new_job_id(), "until_ms": session.until_ms + 1, "public_key": new_pair()[0], "tag": bytes(32)}
    forged = msgspec.structs.replace(session, **{field: other[field]})
    books.redis.set("bp:debug:acme", msgspec.msgpack.encode(forged))
    assert (admin.has(), lasting(books)) == (None, {})


def test_one_of_another_tenant_is_none(books: Books) -> None:
    Admin(books, "other").open()
    books.redis.copy("bp:debug:other", "bp:debug:acme")
    assert Admin(books).has() is None


def test_what_is_no_session_is_none(books: Books) -> None:
    books.redis.set("bp:debug:acme", "nonsense")
    assert Admin(books).has() is None


def test_a_claim_brings_the_tenants_session_along(books: Books) -> None:
    session = Admin(books).open()
    books.accept(tenant="acme")
    books.accept(tenant="other")
    found = {claim.binding.tenant: claim.debug for claim in (books.claim(), books.claim())}
    assert found == {"acme": msgspec.msgpack.encode(session), "other": b""}


def test_a_full_redis_opens_none(books: Books) -> None:
    books.redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(Unavailable):
            Admin(books).open()
    finally:
        books.redis.config_set("maxmemory", "256mb")


def test_without_redis_there_are_none(books: Books) -> None:
    session = Admin(books).open()

    async def nowhere() -> None:
        async with AsyncRedis.from_url("unix:///nowhere") as redis:
            none = DebugSessions(redis, SECRET)
            opening = none.open("acme", new_job_id(), PUBLIC, 60, 10)
            for work in (
                opening,
                none.of("acme"),
                none.entries("acme"),
                none.note("acme", session, [], 1),
                none.end("acme", ""),
                none.lasting(),
            ):
                with pytest.raises(Unavailable):
                    await work

    books.do(nowhere())
