"""Submit: sealed, enqueued and told in a receipt, on a real ledger and with a real bell."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.callbacks import unpacked
from dispatcher.contracts.errors import Invalid, JobUnknown, KeyReused, Malformed, Unavailable
from dispatcher.contracts.job import Delivery, Job, Receipt
from dispatcher.contracts.keyring import NoSealingKey
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.outcome import Fate, Outcome, State
from dispatcher.contracts.records import Records
from dispatcher.contracts.rotation import new_key
from dispatcher.contracts.seal import OpeningKeys, SealingKeys
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.intake.doorbell import Doorbell
from dispatcher.intake.submit import Intake
from tests.contracts.conftest import HOUR, LANES, Books, now_ms
from tests.contracts.test_parse import EXAMPLE

PLAIN = {name: value for name, value in EXAMPLE.items() if name not in {"receipt_key", "callback"}}
MAX, ANN = {"address": "max@example.org"}, {"address": "ann@example.org"}


def body(**fields: object) -> bytes:
    return json.dumps(PLAIN | fields).encode()


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    room = tmp_path_factory.mktemp("keys")
    new_key(room / "public", room / "private", room / "secret")
    return room


@pytest.fixture(scope="module")
def doorbell(redis_url: str) -> Iterator[Doorbell]:
    doorbell = Doorbell(redis_url)
    yield doorbell
    doorbell.close()


@pytest.fixture
def intake(books: Books, room: Path, doorbell: Doorbell) -> Iterator[Intake]:
    secret = Secret.read(room / "secret")
    yield Intake(SharedSettings(), secret, SealingKeys(room / "public", secret), books.ledger, books.records, doorbell)
    have_rung(doorbell)


def submit(books: Books, intake: Intake, posted: bytes, key: str = "key-1", tenant: str = "acme") -> Receipt:
    return books.do(intake.submit(posted, key, tenant))


def opened(books: Books, room: Path) -> Job:
    """As a worker opens what it claims."""
    claim = books.claim()
    keys = OpeningKeys(room / "private", Secret.read(room / "secret"))
    return msgspec.msgpack.decode(keys.open(claim.sealed, claim.binding), type=Job)


def have_rung(doorbell: Doorbell) -> None:
    """Returns when every bell is rung that was asked for by now."""
    doorbell._thread.submit(bool).result(10)


def replayed(receipt: Receipt, **changes: object) -> Receipt:
    return msgspec.structs.replace(receipt, replayed=True, posts_left=None, full_again_seconds=None, **changes)


def test_a_submission_becomes_a_job_that_a_worker_can_open(books: Books, intake: Intake, room: Path) -> None:
    receipt = submit(books, intake, body())
    assert receipt == Receipt(
        job_id=receipt.job_id,
        state=State.QUEUED,
        expires_at_ms=int(books.record(receipt.job_id)["deadline"]),
        message_id=receipt.message_id,
        messages=1,
        delivery=Delivery.SHARED,
        posts_left=999_999,
        full_again_seconds=1,
    )
    assert receipt.expires_at_ms == pytest.approx(now_ms() + 1_800_000, abs=5000)
    job = opened(books, room)
    assert (job.message_id, job.submission.subject) == (receipt.message_id, "Release notes")


def test_a_callback_is_sealed_beside_its_job_under_the_same_binding(books: Books, intake: Intake, room: Path) -> None:
    receipt = submit(books, intake, body(callback=EXAMPLE["callback"]))
    binding = books.claim().binding
    sealed: bytes = books.do(books.records.redis.get(f"bp:cb:{receipt.job_id}"))
    keys = OpeningKeys(room / "private", Secret.read(room / "secret"))
    assert msgspec.structs.asdict(unpacked(keys.open(sealed, binding))) == EXAMPLE["callback"]


def test_a_job_without_a_callback_has_none(books: Books, intake: Intake) -> None:
    receipt = submit(books, intake, body())
    assert (books.redis.keys("bp:cb:*"), "cb" in books.record(receipt.job_id)) == ([], False)


def test_a_new_job_rings_the_bell_of_its_lane_once(books: Books, intake: Intake) -> None:
    submit(books, intake, body(lane="bulk"))
    have_rung(intake.doorbell)
    submit(books, intake, body(lane="bulk"), "key-2")
    have_rung(intake.doorbell)
    assert [books.redis.llen(f"bp:bell.{lane}") for lane in LANES] == [0, 1]


def test_what_is_not_taken_leaves_nothing(books: Books, intake: Intake) -> None:
    for posted, error in ((b"{", Malformed), (body(ttl_seconds=20_000), Invalid), (body(subject=1), Invalid)):
        with pytest.raises(error):
            submit(books, intake, posted)
    assert books.redis.keys("*") == []


@pytest.mark.parametrize("wrong_ms", [-HOUR, HOUR])
def test_a_clock_that_is_wrong_by_an_hour_is_learned_and_the_job_sealed_once_more(
    books: Books, intake: Intake, room: Path, wrong_ms: int
) -> None:
    intake.skew_ms = wrong_ms
    receipt = submit(books, intake, body())
    assert intake.skew_ms == pytest.approx(0, abs=900)
    assert receipt.expires_at_ms == int(books.record(receipt.job_id)["deadline"])
    assert receipt.expires_at_ms == pytest.approx(now_ms() + 1_800_000, abs=5000)
    assert len(books.redis.keys("bp:job:*")) == 1
    assert opened(books, room).message_id == receipt.message_id


def test_a_replay_tells_how_the_earlier_job_stands_by_now(books: Books, intake: Intake) -> None:
    first = submit(books, intake, body())
    assert submit(books, intake, body()) == replayed(first)
    books.do(books.ledger.finish(books.claim(), Outcome({0: Fate.ACCEPTED})))
    assert submit(books, intake, body()) == replayed(first, state=State.SENT)
    assert books.claims_nothing()


def test_a_replay_by_a_wrong_clock_is_a_replay(books: Books, intake: Intake) -> None:
    first = submit(books, intake, body())
    intake.skew_ms = HOUR
    assert submit(books, intake, body()) == replayed(first)


def test_a_key_with_another_submission_is_refused(books: Books, intake: Intake) -> None:
    submit(books, intake, body())
    with pytest.raises(KeyReused):
        submit(books, intake, body(subject="Other"))


def test_another_tenant_with_the_same_key_gets_a_job_of_its_own_with_its_own_message_id(books: Books, intake: Intake) -> None:
    first, second = (submit(books, intake, body(), tenant=tenant) for tenant in ("acme", "bolt"))
    assert (first.job_id != second.job_id, first.message_id != second.message_id, second.replayed) == (True, True, False)


def test_a_replay_whose_record_is_gone_is_unknown(books: Books, intake: Intake) -> None:
    books.redis.delete(f"bp:job:{submit(books, intake, body()).job_id}")
    with pytest.raises(JobUnknown):
        submit(books, intake, body())


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"to": [MAX, ANN]}, 1),
        ({"to": [MAX, ANN], "delivery": "individual"}, 2),
        ({"to": [MAX], "cc": [MAX], "bcc": [ANN], "delivery": "individual"}, 2),
        ({"to": [MAX, {"address": "max@EXAMPLE.org"}], "delivery": "individual"}, 1),
    ],
)
def test_the_receipt_says_how_many_mails_it_will_be(books: Books, intake: Intake, fields: dict[str, object], expected: int) -> None:
    assert submit(books, intake, body(**fields)).messages == expected


def test_the_receipt_says_how_it_is_delivered(books: Books, intake: Intake) -> None:
    assert submit(books, intake, body(delivery="individual")).delivery is Delivery.INDIVIDUAL


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"callback": EXAMPLE["callback"]}, ()),
        ({"layout": {"dark_theme": True, "external_images": "embed"}, "overflow": "link"}, ()),
        ({"receipt_key": EXAMPLE["receipt_key"]}, ()),
        ({"account": {"host": "simulator", "port": 25, "tls": "starttls"}}, ("simulated",)),
    ],
)
def test_what_is_only_played_is_said(books: Books, intake: Intake, fields: dict[str, object], expected: tuple[str, ...]) -> None:
    first, replayed = (submit(books, intake, body(**fields)) for _ in range(2))
    assert (first.warnings, replayed.warnings) == (expected, expected)


def test_a_job_of_the_default_account_is_named_in_its_domain(books: Books, intake: Intake, room: Path) -> None:
    with_default = replace(intake, settings=SharedSettings(default_from="wiki@BÜCHER.example.org"))
    receipt = submit(books, with_default, body(account="default"))
    assert receipt.message_id.endswith("@xn--bcher-kva.example.org>")
    assert (books.record(receipt.job_id)["dclass"], opened(books, room).submission.account) == ("relay", "default")


def test_without_redis_nothing_is_taken(books: Books, intake: Intake, tmp_path: Path) -> None:
    async def nowhere() -> None:
        async with AsyncRedis.from_url(f"unix://{tmp_path}/none") as redis:
            await replace(intake, ledger=Ledger(redis, 86_400), records=Records(redis)).submit(body(), "key-1", "acme")

    with pytest.raises(Unavailable):
        books.do(nowhere())
    assert intake.skew_ms == 0


def test_without_a_sealing_key_nothing_is_taken(books: Books, intake: Intake, tmp_path: Path) -> None:
    with pytest.raises(NoSealingKey):
        submit(books, replace(intake, keys=SealingKeys(tmp_path, intake.secret)), body())
    assert books.redis.keys("bp:job:*") == []
