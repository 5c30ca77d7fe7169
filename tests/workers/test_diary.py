"""Diary: what a submitter reads of her job's way: all of it in her receipt, masked words in her debug session; nobody else anything."""

import gc
import logging
from dataclasses import replace
from typing import Any, Final

import msgspec
import pytest

from dispatcher.contracts.debugging import ENTRY_BYTES, DebugSession, DebugSessions
from dispatcher.contracts.job import Delivery, new_job_id
from dispatcher.contracts.mail import Account, PasswordAuth, Tls
from dispatcher.contracts.outcome import State
from dispatcher.contracts.reader_key import new_pair, open_with
from dispatcher.contracts.receipt_seal import open_receipts
from dispatcher.contracts.wire import DEBUG_CONTEXT
from tests.contracts.conftest import Books
from tests.workers.conftest import LOOPBACK, TENANT, Office, door, submission
from tests.workers.smtp.scripted import serve
from tests.workers.smtp.test_session import CA_PEM, CONTEXT
from workers.diary import Diaries
from workers.dispatch import dispatch
from workers.hand import Hand
from workers.smtp.pool import Pool
from workers.smtp.transcript import Transcript

PUBLIC, PRIVATE = new_pair()
OPENING: Final = ("S: 220 smtp.acme.example ready", "C: EHLO", "S: 250-server", "S: 250 AUTH PLAIN", "C: AUTH PLAIN", "S: 235 2.7.0 ok")
TAKEN: Final = ("C: MAIL", "S: 250 2.1.0 sender jane@example.com ok", "C: RCPT", "S: 250 2.1.5 hello max@example.org")
BODY: Final = ("C: DATA", "S: 354 go on", "C: ...", "S: 250 2.0.0 queued as Q42s3cret")
RESET: Final = ("C: RSET", "S: 250 flushed")
SECRETS: Final = (b"smtp.acme.example", b"jane@example.com", b"max@example.org", b"Q42s3cret")


class Reader:
    """A submitter with her key and her debug session, and a worker's desk."""

    def __init__(self, books: Books, office: Office, **kept: int) -> None:
        self.books = books
        self.office = office
        self.tenant = office.intake.secret.pseudonym("tenant", TENANT)
        self.sessions = DebugSessions(books.records.redis, office.intake.secret)
        self.desk = replace(office.desk, pool=Pool(LOOPBACK, 5), diaries=Diaries(**kept, sessions=self.sessions))

    def debug(self, seconds: int = 60) -> DebugSession:
        return self.books.do(self.sessions.open(self.tenant, new_job_id(), PUBLIC, seconds, 10))

    def dispatch(self, *lines: str, to: tuple[str, ...] = ("max@example.org",), key: bytes | None = PUBLIC, **fields: object) -> str:
        """The job's id, after one attempt at a server of these lines."""

        async def story() -> str:
            async with serve((*OPENING, *lines), CONTEXT, implicit=True) as heard:
                account = door(heard.port, Tls.IMPLICIT, PasswordAuth(user="jane", password="pa55word"), CA_PEM)
                return await self._attempt(account, *to, receipt_key=key, **fields)

        return self.books.do(story())

    async def _attempt(self, account: Account, *to: str, **fields: object) -> str:
        job_id = await self.office.enqueue(submission(account, *to, **fields))
        await self.again()
        self.desk.close()
        return job_id

    async def again(self) -> None:
        claim = await self.desk.ledger.claim(30_000, ("interactive",))
        assert claim is not None
        await dispatch(Hand(claim), self.desk)

    def receipts(self, job_id: str) -> list[dict[str, Any]]:
        opened = open_receipts(self.books.status(job_id).receipts, PRIVATE, job_id)
        return [msgspec.json.decode(document) if document else {} for document in opened]

    def entries(self, session: DebugSession) -> list[dict[str, Any]]:
        sealed = self.books.do(self.sessions.entries(self.tenant))
        assert max(map(len, sealed), default=0) <= ENTRY_BYTES
        return [msgspec.json.decode(open_with(PRIVATE, entry, DEBUG_CONTEXT, session.session_id)) for entry in sealed]

    def all_of_redis(self) -> bytes:
        names = self.books.do(self.books.records.redis.keys("*"))
        return b"".join(self.books.do(self.books.records.redis.dump(name)) for name in names)


@pytest.fixture
def reader(books: Books, office: Office) -> Reader:
    return Reader(books, office)


def test_a_receipt_has_every_reply_in_full_and_who_it_was_said_of(reader: Reader) -> None:
    job_id = reader.dispatch(*TAKEN, *BODY)
    (receipt,) = reader.receipts(job_id)
    assert receipt["attempt"] == 1
    assert receipt["server"] == {"name": "127.0.0.1", "port": receipt["server"]["port"], "tls": "TLSv1.3"}
    assert [(reply["phase"], reply["code"], reply["enhanced_code"], reply["text"]) for reply in receipt["replies"]] == [
        ("banner", 220, None, "smtp.acme.example ready"),
        ("ehlo", 250, None, "server\nAUTH PLAIN"),
        ("auth", 235, "2.7.0", "2.7.0 ok"),
        ("mail", 250, "2.1.0", "2.1.0 sender jane@example.com ok"),
        ("data", 354, None, "go on"),
        ("dot", 250, "2.0.0", "2.0.0 queued as Q42s3cret"),
    ]
    assert receipt["recipients"] == [
        {
            "index": 0,
            "address": "max@example.org",
            "fate": "accepted",
            "code": 250,
            "enhanced_code": "2.1.5",
            "text": "2.1.5 hello max@example.org",
        }
    ]
    assert receipt["failure"] is None


def test_each_recipient_has_the_reply_that_was_said_of_him(reader: Reader) -> None:
    two = ("C: MAIL", "S: 250 ok", "C: RCPT", "S: 550 5.1.1 who is max?", "C: RCPT", "S: 250 welcome")
    (receipt,) = reader.receipts(reader.dispatch(*two, *BODY, to=("max@example.org", "ann@example.org", "max@example.org")))
    assert [(one["index"], one["address"], one["fate"], one["text"]) for one in receipt["recipients"]] == [
        (0, "max@example.org", "refused", "5.1.1 who is max?"),
        (2, "max@example.org", "refused", "5.1.1 who is max?"),
        (1, "ann@example.org", "accepted", "welcome"),
    ]
    assert receipt["failure"] == {"class": "recipient_unknown", "phase": "rcpt"}


def test_a_refused_sign_in_is_told_in_full(reader: Reader) -> None:
    async def story() -> str:
        async with serve((*OPENING[:-1], "S: 535 5.7.8 ask it@acme.example"), CONTEXT, implicit=True) as heard:
            account = door(heard.port, Tls.IMPLICIT, PasswordAuth(user="jane", password="pa55word"), CA_PEM)
            return await reader._attempt(account, receipt_key=PUBLIC)

    (receipt,) = reader.receipts(reader.books.do(story()))
    assert (receipt["replies"][-1]["phase"], receipt["replies"][-1]["text"]) == ("auth", "5.7.8 ask it@acme.example")
    assert (receipt["failure"], receipt["server"]["tls"]) == ({"class": "auth_rejected", "phase": "auth"}, "TLSv1.3")
    assert [(one["fate"], one["code"], one["text"]) for one in receipt["recipients"]] == [("refused", None, None)]


def test_a_server_that_is_not_there_makes_a_receipt_without_replies(reader: Reader) -> None:
    job_id = reader.books.do(reader._attempt(door(1, Tls.IMPLICIT), receipt_key=PUBLIC))
    (receipt,) = reader.receipts(job_id)
    assert (receipt["replies"], receipt["failure"]) == ([], {"class": "connect_refused", "phase": "connect"})


def test_each_message_and_each_attempt_has_its_receipt_in_their_order(reader: Reader) -> None:
    deferred = ("C: MAIL", "S: 250 ok", "C: RCPT", "S: 451 4.7.1 later", *RESET)
    job_id = reader.dispatch(*deferred, *TAKEN, *BODY, to=("ann@example.org", "max@example.org"), delivery=Delivery.INDIVIDUAL)
    assert reader.books.status(job_id).state is State.DEFERRED
    assert [[one["address"] for one in receipt["recipients"]] for receipt in reader.receipts(job_id)] == [
        ["ann@example.org"],
        ["max@example.org"],
    ]
    reader.books.hurry(job_id)
    reader.books.sweep()
    reader.books.do(reader.again())
    assert [receipt["attempt"] for receipt in reader.receipts(job_id)] == [1, 1, 2]


def test_what_a_reset_was_answered_with_is_not_taken_for_the_answer_to_the_sender(reader: Reader) -> None:
    two = (*TAKEN, *BODY, *RESET, *TAKEN, *BODY)
    receipts = reader.receipts(reader.dispatch(*two, to=("ann@example.org", "max@example.org"), delivery=Delivery.INDIVIDUAL))
    assert [reply["phase"] for reply in receipts[1]["replies"]] == ["mail", "data", "dot"]
    assert receipts[1]["replies"][0]["text"] == "2.1.0 sender jane@example.com ok"


def test_who_is_told_in_a_second_transaction_is_in_the_receipt_of_both(reader: Reader) -> None:
    first = ("C: MAIL", "S: 250 ok", "C: RCPT", "S: 250 ok", "C: RCPT", "S: 452 4.5.3 enough", *BODY, *RESET)
    receipts = reader.receipts(reader.dispatch(*first, *TAKEN, *BODY, to=("ann@example.org", "max@example.org")))
    assert [[(one["address"], one["fate"]) for one in receipt["recipients"]] for receipt in receipts] == [
        [("ann@example.org", "accepted"), ("max@example.org", "pending")],
        [("max@example.org", "accepted")],
    ]


def test_without_a_key_there_is_no_receipt(reader: Reader) -> None:
    job_id = reader.dispatch(*TAKEN, *BODY, key=None)
    assert (reader.books.status(job_id).receipts, reader.books.redis.keys("bp:rcp:*")) == (b"", [])


def test_a_key_that_is_none_costs_no_mail(reader: Reader) -> None:
    """The door takes no such key, but what came in by an older one may have it."""
    job_id = reader.dispatch(*TAKEN, *BODY, key=bytes(32))
    assert (reader.books.status(job_id).state, reader.books.status(job_id).receipts) == (State.SENT, b"")


def test_long_replies_are_cut_so_that_everybody_is_named(books: Books, office: Office) -> None:
    reader = Reader(books, office, receipt_bytes=4096)
    long = "S: 250-" + 400 * "a" + "\\r\\n250 " + 400 * "b"
    to = tuple(f"max{number}@example.org" for number in range(10))
    job_id = reader.dispatch("C: MAIL", "S: 250 ok", *("C: RCPT", long) * 10, *BODY, to=to)
    (receipt,) = reader.receipts(job_id)
    assert [one["address"] for one in receipt["recipients"]] == list(to)
    assert {one["text"] for one in receipt["recipients"]} == {64 * "a"}


def test_no_word_of_the_server_is_in_redis_in_a_log_or_left_in_memory(reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    reader.debug()
    with caplog.at_level(logging.DEBUG):
        reader.dispatch(*TAKEN, *BODY)
    everything = reader.all_of_redis() + caplog.text.encode() + repr([record.__dict__ for record in caplog.records]).encode()
    assert [secret for secret in SECRETS if secret in everything] == []
    gc.collect()
    assert [found for found in gc.get_objects() if isinstance(found, Transcript)] == []


def test_a_debug_session_shows_each_reply_masked_and_how_it_ended(reader: Reader) -> None:
    session = reader.debug()
    job_id = reader.dispatch(*TAKEN, *BODY, key=None)
    entries = reader.entries(session)
    assert {(entry["job"], entry["attempt"]) for entry in entries} == {(job_id, 1)}
    assert [(entry["stage"], entry["code"], entry["enhanced_code"], entry["reply"]) for entry in entries[:-1]] == [
        ("banner", 220, None, "<17 chars> ready"),
        ("ehlo", 250, None, "server AUTH PLAIN"),
        ("auth", 235, "2.7.0", "ok"),
        ("mail", 250, "2.1.0", "sender j***@e***.com(16) ok"),
        ("rcpt", 250, "2.1.5", "hello m***@e***.org(15)"),
        ("data", 354, None, "go on"),
        ("dot", 250, "2.0.0", "queued as <9 chars>"),
    ]
    assert [entry["ms"] for entry in entries[:-1]] == sorted(entry["ms"] for entry in entries[:-1])
    assert {name: entries[-1][name] for name in ("stage", "class", "recipients")} == {
        "stage": None,
        "class": None,
        "recipients": {"accepted": 1},
    }


def test_a_job_that_meets_no_server_is_seen_too(reader: Reader) -> None:
    session = reader.debug()
    job_id = reader.books.do(reader._attempt(door(1, Tls.IMPLICIT), body="<div>" * 1000))
    assert reader.entries(session) == [{"job": job_id, "attempt": 1, "stage": None, "class": "render_failed"}]


def test_without_a_session_nothing_is_noted(reader: Reader) -> None:
    reader.dispatch(*TAKEN, *BODY)
    assert reader.books.redis.keys("bp:dbg:*") == []


def test_who_writes_to_redis_opens_no_session(reader: Reader) -> None:
    session = reader.debug()
    other_key, _ = new_pair()
    forged = msgspec.structs.replace(session, public_key=other_key)
    reader.books.redis.set(f"bp:debug:{reader.tenant}", msgspec.msgpack.encode(forged))
    reader.dispatch(*TAKEN, *BODY)
    assert reader.books.redis.keys("bp:dbg:*") == []


def test_a_session_that_ended_meanwhile_gets_nothing(reader: Reader) -> None:
    session = reader.debug()

    async def story() -> None:
        async with serve((*OPENING, *TAKEN, *BODY), CONTEXT, implicit=True) as heard:
            account = door(heard.port, Tls.IMPLICIT, PasswordAuth(user="jane", password="pa55word"), CA_PEM)
            await reader.office.enqueue(submission(account))
            claim = await reader.desk.ledger.claim(30_000, ("interactive",))
            assert claim is not None
            await reader.sessions.end(reader.tenant, session.session_id)
            await dispatch(Hand(claim), reader.desk)
            reader.desk.close()

    reader.books.do(story())
    assert reader.books.redis.keys("bp:dbg:*") == []


def test_entries_that_cannot_be_kept_cost_no_mail(reader: Reader) -> None:
    """A full Redis takes none, and learns how the mail ended."""
    reader.debug()

    async def story() -> str:
        async with serve((*OPENING, *TAKEN, *BODY), CONTEXT, implicit=True) as heard:
            account = door(heard.port, Tls.IMPLICIT, PasswordAuth(user="jane", password="pa55word"), CA_PEM)
            job_id = await reader.office.enqueue(submission(account))
            claim = await reader.desk.ledger.claim(30_000, ("interactive",))
            assert claim is not None
            reader.books.redis.config_set("maxmemory", 1)
            await dispatch(Hand(claim), reader.desk)
            reader.desk.close()
        return job_id

    try:
        job_id = reader.books.do(story())
    finally:
        reader.books.redis.config_set("maxmemory", "256mb")
    assert (reader.books.state(job_id), reader.books.redis.keys("bp:dbg:*")) == (State.SENT, [])
