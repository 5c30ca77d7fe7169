"""Ask: sealed to the workers, answered to who asked; whatever goes wrong between, she is told in time."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from dispatcher.api.problems import on_submission_error, on_unavailable
from dispatcher.contracts.advice import ADVICE
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.documents import verification_document
from dispatcher.contracts.errors import CheckedOften, Invalid, Malformed, Unavailable
from dispatcher.contracts.mail import Account, PasswordAuth, Tls
from dispatcher.contracts.one_time import OneTimeKey, seal_answer
from dispatcher.contracts.outcome import Failure, FailureClass, SmtpPhase
from dispatcher.contracts.questions import Question, Questions, Taken, Verify
from dispatcher.contracts.rotation import new_key
from dispatcher.contracts.seal import OpeningKeys, SealingKeys
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.verification import Capabilities, Certificate, Mechanism, Step, Verification, known_mechanisms, known_size
from dispatcher.intake.ask import Asking, Unanswered
from dispatcher.intake.doorbell import Doorbell
from dispatcher.intake.submit import Intake
from tests.contracts.conftest import HOUR, Books
from tests.contracts.test_parse import EXAMPLE

ACCOUNT: dict[str, Any] = EXAMPLE["account"]
REFUSED = Failure(FailureClass.AUTH_REJECTED, SmtpPhase.AUTH, 535, "5.7.8")
FOUND = Verification((Step(SmtpPhase.RESOLVE, ok=True, milliseconds=3), Step(SmtpPhase.AUTH, ok=False, milliseconds=40, failure=REFUSED)))


def body(**fields: object) -> bytes:
    return json.dumps({"account": ACCOUNT} | fields).encode()


class Room:
    """The API's side, and a worker's for the tests to play."""

    def __init__(self, books: Books, keys: Path, doorbell: Doorbell) -> None:
        secret = Secret.read(keys / "secret")
        self.books = books
        self.settings = ApiSettings()
        self.intake = Intake(self.settings, secret, SealingKeys(keys / "public", secret), books.ledger, books.records, doorbell)
        self.questions = Questions(books.records.redis)
        self.asking = Asking(self.intake, self.questions, per_minute=5, patience_seconds=10)
        self.opening = OpeningKeys(keys / "private", secret)

    async def take(self) -> tuple[Taken, Question]:
        async with asyncio.timeout(10):
            while (taken := await self.questions.take()) is None:  # noqa: ASYNC110 -- what changes is in Redis
                await asyncio.sleep(0.005)
        return taken, msgspec.msgpack.decode(self.opening.open(taken.sealed, taken.binding), type=Question)

    async def answer(self, answer: bytes, key: bytes | None = None) -> Question:
        """One question, as a worker answers it."""
        taken, question = await self.take()
        await self.questions.reply(taken, seal_answer(answer, key or question.answer_key, taken.binding.job_id))
        return question

    def asked(self, posted: bytes, working: Coroutine[Any, Any, Question]) -> tuple[Verification, Question]:
        """What the API got, and what a worker was asked."""

        async def story() -> tuple[Verification, Question]:
            return await asyncio.gather(self.asking.verify(posted, "acme"), working)

        return self.books.do(story())

    def unanswered(self, working: Coroutine[Any, Any, object]) -> None:
        async def story() -> None:
            _, ended = await asyncio.gather(working, self.asking.verify(body(), "acme"), return_exceptions=True)
            assert isinstance(ended, Unanswered)

        self.books.do(story())


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    room = tmp_path_factory.mktemp("keys")
    new_key(room / "public", room / "private", room / "secret")
    return room


@pytest.fixture(scope="module")
def doorbell(redis_url: str) -> Iterator[Doorbell]:
    doorbell = Doorbell(redis_url)
    yield doorbell
    doorbell.close()


@pytest.fixture
def room(books: Books, keys: Path, doorbell: Doorbell) -> Iterator[Room]:
    yield Room(books, keys, doorbell)
    doorbell._thread.submit(bool).result(10)


def test_a_worker_is_asked_about_the_account_in_its_canonical_form_and_its_answer_comes_back(room: Room) -> None:
    posted = body(account=ACCOUNT | {"host": "SMTP.Bücher.example"}, **{"from": {"address": "jane@EXAMPLE.com", "name": "Jane"}})
    found, question = room.asked(posted, room.answer(msgspec.msgpack.encode(FOUND)))
    assert found == FOUND
    auth = PasswordAuth(user="jane@example.com", password="secret")
    account = Account(host="smtp.xn--bcher-kva.example", port=587, tls=Tls.STARTTLS, auth=auth)
    assert question.asked == Verify(account, "jane@example.com")


def test_nothing_of_a_question_is_left_but_that_its_tenant_asked(room: Room) -> None:
    room.asked(body(), room.answer(msgspec.msgpack.encode(FOUND)))
    room.intake.doorbell._thread.submit(bool).result(10)
    left = set(room.books.redis.keys()) - {"bp:bell.interactive"}
    assert left == {f"bp:rate:v:{room.intake.secret.pseudonym('tenant', 'acme')}"}


def test_who_sees_redis_sees_neither_question_nor_answer(room: Room) -> None:
    async def look() -> Question:
        while not room.books.redis.exists("bp:ask"):  # noqa: ASYNC110 -- what changes is in Redis
            await asyncio.sleep(0.005)
        seen = b"".join(room.books.redis.dump(name) or b"" for name in room.books.redis.scan_iter())
        taken, question = await room.take()
        await room.questions.reply(taken, seal_answer(msgspec.msgpack.encode(FOUND), question.answer_key, taken.binding.job_id))
        seen += room.books.redis.dump(f"bp:out:{taken.binding.job_id}") or b""
        assert [word for word in (b"secret", b"smtp.example.com", b"jane", b"acme", b"auth_rejected", b"resolve") if word in seen] == []
        return question

    room.asked(body(), look())


def test_a_bell_is_rung(room: Room) -> None:
    room.asked(body(), room.answer(msgspec.msgpack.encode(FOUND)))
    room.intake.doorbell._thread.submit(bool).result(10)
    assert room.books.redis.llen("bp:bell.interactive") == 1


def test_every_question_has_a_key_of_its_own(room: Room) -> None:
    answer = msgspec.msgpack.encode(FOUND)
    first, second = (room.asked(body(), room.answer(answer))[1].answer_key for _ in range(2))
    assert (len(first), first != second) == (32, True)


@pytest.mark.parametrize(
    ("posted", "complaints"),
    [
        (b"{}", [("/account", "missing")]),
        (body(telltale=1), [("", "unknown_field")]),
        (body(subject="x"), [("", "unknown_field")]),
        (body(account=1), [("/account", "wrong_type")]),
        (body(account="telltale"), [("/account", "not_allowed")]),
        (body(account="default"), [("/account", "server_not_configured")]),
        (body(account={"host": "smtp.example.com", "tls": "starttls"}), [("/account/port", "missing")]),
        (body(account=ACCOUNT | {"port": 22}), [("/account/port", "host_forbidden")]),
        (body(account=ACCOUNT | {"tls": "none"}), [("/account/tls", "plaintext_forbidden"), ("/account/auth", "plaintext_forbidden")]),
        (body(account=ACCOUNT | {"auth": {"kind": "telltale"}}), [("/account/auth/kind", "not_allowed")]),
        (body(**{"from": {"address": "telltale"}}), [("/from/address", "address_invalid")]),
        (
            body(account=ACCOUNT | {"host": "10.0.0.1"}, **{"from": {"address": ""}}),
            [("/account/host", "host_forbidden"), ("/from/address", "address_invalid")],
        ),
    ],
)
def test_what_no_job_may_say_no_question_may_say(room: Room, posted: bytes, complaints: list[tuple[str, str]]) -> None:
    with pytest.raises(Invalid) as caught:
        room.books.do(room.asking.verify(posted, "acme"))
    assert (list(caught.value.errors), room.books.redis.keys()) == (complaints, [])


def test_what_is_not_json_is_malformed(room: Room) -> None:
    with pytest.raises(Malformed):
        room.books.do(room.asking.verify(b"{", "acme"))


def test_the_default_account_is_asked_about_where_there_is_one(room: Room) -> None:
    room.intake.settings = ApiSettings(default_from="wiki@example.com")
    _, question = room.asked(body(account="default"), room.answer(msgspec.msgpack.encode(FOUND)))
    assert question.asked == Verify("default")


def test_who_asks_too_often_is_told_when_to_come_again(room: Room) -> None:
    room.asking.patience_seconds = 0

    async def ask_often() -> None:
        for _ in range(5):
            with pytest.raises(Unanswered):
                await room.asking.verify(body(), "acme")
        with pytest.raises(CheckedOften) as caught:
            await room.asking.verify(body(), "acme")
        assert caught.value.retry_after_seconds in {59, 60}

    room.books.do(ask_often())


def test_a_clock_that_is_wrong_by_an_hour_is_learned(room: Room) -> None:
    room.intake.skew_ms = HOUR
    found, _ = room.asked(body(), room.answer(msgspec.msgpack.encode(FOUND)))
    assert (found, room.intake.skew_ms) == (FOUND, pytest.approx(0, abs=900))


def test_without_a_worker_nobody_waits_for_ever(room: Room) -> None:
    room.asking.patience_seconds = 0.1
    room.unanswered(asyncio.sleep(0))


def test_an_answer_that_is_sealed_to_another_key_is_none(room: Room) -> None:
    room.unanswered(room.answer(msgspec.msgpack.encode(FOUND), OneTimeKey().public))


@pytest.mark.parametrize("answer", [b"", b"\xc1", msgspec.msgpack.encode({"steps": [{"step": "telltale", "ok": True, "milliseconds": 1}]})])
def test_an_answer_in_other_words_than_ours_is_none(room: Room, answer: bytes) -> None:
    room.unanswered(room.answer(answer))


# what is told


def told(handler: Any, error: Exception) -> tuple[int, int]:  # noqa: ANN401 -- a handler of the web framework
    """Status and Retry-After, which the document repeats."""
    app = Starlette()
    app.state.settings = ApiSettings()
    response = asyncio.run(handler(Request({"type": "http", "app": app, "headers": []}), error))
    seconds = json.loads(response.body)["retry_after"]
    assert response.headers["retry-after"] == str(seconds)
    return response.status_code, seconds


@pytest.mark.parametrize(
    ("handler", "error", "status", "seconds"),
    [
        (on_submission_error, CheckedOften.until(37), 429, range(37, 57)),
        (on_unavailable, Unanswered(), 503, range(5, 9)),
        (on_unavailable, Unavailable(), 503, range(1, 3)),
    ],
    ids=["often", "unanswered", "unavailable"],
)
def test_when_to_come_again_is_in_the_header_and_in_the_document(handler: object, error: Exception, status: int, seconds: range) -> None:
    found = [told(handler, error) for _ in range(50)]
    assert [(code, after in seconds) for code, after in found] == [(status, True)] * 50


def test_a_verification_is_told_step_by_step_with_advice() -> None:
    why = {
        "class": "auth_rejected",
        "smtp_code": 535,
        "enhanced_code": "5.7.8",
        "advice": ADVICE[FailureClass.AUTH_REJECTED],
        "help": "/docs/failures#auth_rejected",
    }
    assert verification_document(FOUND) == {
        "ok": False,
        "steps": [
            {"step": "resolve", "ok": True, "milliseconds": 3} | dict.fromkeys(why),
            {"step": "auth", "ok": False, "milliseconds": 40} | why,
        ],
        "tls": None,
        "capabilities": None,
        "failure": why | {"phase": "auth", "permanent": True},
    }


def test_a_verification_tells_what_the_server_is_like() -> None:
    capabilities = Capabilities(size=35_882_577, pipelining=True, auth=known_mechanisms(["plain", "XOAUTH2", "TELLTALE"]))
    found = Verification((Step(SmtpPhase.RESOLVE, ok=True, milliseconds=3),), Certificate("TLSv1.3", 89, names_match=True), capabilities)
    document = json.loads(msgspec.json.encode(verification_document(found)))
    assert (document["ok"], document["failure"]) == (True, None)
    assert document["tls"] == {"version": "TLSv1.3", "days_left": 89, "name_matches": True}
    assert document["capabilities"] == {
        "size": 35_882_577,
        "pipelining": True,
        "smtputf8": False,
        "chunking": False,
        "eight_bit_mime": False,
        "auth": ["PLAIN", "XOAUTH2"],
    }


def test_only_mechanisms_with_a_name_of_ours_are_told() -> None:
    assert known_mechanisms({"LOGIN", "x-secret", "PLAIN\x00", "scram-sha-256"}) == (Mechanism.LOGIN, Mechanism.SCRAM_SHA_256)


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ((), None),
        (("35882577",), 35_882_577),
        (("0",), None),
        (("x", "7"), 7),
        (("-1",), None),
        (("\u0663",), None),
        (("9" * 18,), 10**18 - 1),
        (("9" * 19,), None),
        (("9" * 5000,), None),
    ],
)
def test_a_size_is_a_number_that_can_be_told(words: tuple[str, ...], size: int | None) -> None:
    assert known_size(words) == size
    assert msgspec.msgpack.encode(Capabilities(size=known_size(words)))
