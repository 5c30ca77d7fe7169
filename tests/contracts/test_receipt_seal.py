"""Receipt seal: receipts in their order, kept as long as the job's record, and no more of them than there may be."""

import runpy
from base64 import b64encode
from pathlib import Path
from typing import Final

import pytest

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.documents import status_document
from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SealedReceipt, SmtpPhase, State
from dispatcher.contracts.reader_key import new_pair
from dispatcher.contracts.receipt_seal import open_receipts, seal_receipt
from tests.contracts.conftest import Books

GREYLISTED = Failure(FailureClass.GREYLISTED, SmtpPhase.RCPT, 451, "4.7.1", permanent=False)
DAY = 86_400_000
GUIDE: Final = Path(__file__).parents[2] / "docs/receipts.md"


def test_receipts_are_opened_in_their_order() -> None:
    public, private = new_pair()
    kept = seal_receipt(b"first", public, "job") + seal_receipt(b"second", public, "job")
    assert open_receipts(kept, private, "job") == [b"first", b"second"]
    assert open_receipts(b"", private, "job") == []


def test_what_was_left_out_is_an_empty_one() -> None:
    public, private = new_pair()
    assert open_receipts(seal_receipt(b"first", public, "job") + bytes(4), private, "job") == [b"first", b""]


def test_the_receipt_of_another_job_does_not_open() -> None:
    public, private = new_pair()
    with pytest.raises(SealBroken):
        open_receipts(seal_receipt(b"first", public, "job"), private, "other")


@pytest.mark.parametrize("length", [1, 3, 5, 56])
def test_a_receipt_that_was_cut_does_not_open(length: int) -> None:
    public, private = new_pair()
    with pytest.raises(SealBroken):
        open_receipts(seal_receipt(b"first", public, "job")[:length], private, "job")


class Written:
    """A job whose receipts are so many bytes at most, and those of its tenant."""

    def __init__(self, books: Books, job_bytes: int = 1000, tenant_bytes: int = 1000) -> None:
        self.books = books
        self.job_bytes, self.tenant_bytes = job_bytes, tenant_bytes
        self.job_id = books.accept(n=1)

    def defer(self, receipt: bytes) -> None:
        said = Outcome({0: Fate.PENDING}, GREYLISTED, receipt=SealedReceipt(receipt, self.job_bytes, self.tenant_bytes))
        assert self.books.do(self.books.ledger.defer(self.claim(), said, 0, {}))

    def finish(self, receipt: bytes) -> State | None:
        said = Outcome({0: Fate.ACCEPTED}, receipt=SealedReceipt(receipt, self.job_bytes, self.tenant_bytes))
        return self.books.do(self.books.ledger.finish(self.claim(), said))

    def claim(self) -> Claim:
        self.books.hurry(self.job_id)
        self.books.sweep()
        return self.books.claim()

    @property
    def kept(self) -> bytes:
        return self.books.status(self.job_id).receipts

    def lives_as_its_record(self) -> bool:
        ends = {self.books.redis.pexpiretime(f"bp:{kind}:{self.job_id}") for kind in ("job", "rcp")}
        return len(ends) == 1 and min(ends) > 0


def test_one_follows_the_other_and_lives_as_long_as_the_record(books: Books) -> None:
    job = Written(books)
    assert job.kept == b""
    job.defer(b"first")
    assert (job.kept, job.lives_as_its_record()) == (b"first", True)
    assert job.finish(b"second") is State.SENT
    assert (job.kept, job.lives_as_its_record()) == (b"firstsecond", True)
    assert books.redis.pttl(f"bp:rcp:{job.job_id}") <= DAY


def test_a_canceled_job_keeps_the_receipts_of_its_attempts_as_long_as_its_record(books: Books) -> None:
    job = Written(books)
    job.defer(b"first")
    books.do(books.ledger.cancel(job.job_id, "acme"))
    assert (job.kept, job.lives_as_its_record()) == (b"first", True)
    assert books.redis.pttl(f"bp:rcp:{job.job_id}") <= DAY


def test_a_late_answer_brings_its_receipt(books: Books) -> None:
    job = Written(books)
    claim = books.claim()
    assert books.do(books.ledger.fence(claim, frozenset({0}), 1))
    books.hurry(job.job_id)
    books.sweep()
    assert books.state(job.job_id) is State.UNKNOWN
    said = Outcome({0: Fate.ACCEPTED}, receipt=SealedReceipt(b"late", 1000, 1000))
    assert books.do(books.ledger.finish(claim, said)) is State.SENT
    assert (job.kept, job.lives_as_its_record()) == (b"late", True)


def test_who_lost_the_job_adds_none(books: Books) -> None:
    job = Written(books)
    lost = books.claim()
    books.hurry(job.job_id)
    books.sweep()
    assert job.finish(b"mine") is State.SENT
    said = Outcome({0: Fate.ACCEPTED}, receipt=SealedReceipt(b"lost", 1000, 1000))
    assert books.do(books.ledger.finish(lost, said)) is None
    assert job.kept == b"mine"


def test_what_is_too_much_is_left_out_and_a_nought_says_so_once(books: Books) -> None:
    job = Written(books, job_bytes=10)
    job.defer(b"12345678")
    job.defer(b"abc")
    job.defer(b"abc")
    job.defer(b"xy")
    assert job.kept == b"12345678" + bytes(4)
    job.finish(b"abc")
    assert job.kept == b"12345678" + bytes(4)


def test_a_first_one_that_is_too_much_is_a_nought_too(books: Books) -> None:
    job = Written(books, job_bytes=2)
    job.finish(b"abc")
    assert job.kept == bytes(4)


def test_what_is_too_much_for_a_tenant_is_left_out_of_her_next_jobs_too(books: Books) -> None:
    first, second = Written(books, tenant_bytes=10), Written(books, tenant_bytes=10)
    first.finish(b"12345678")
    second.finish(b"abc")
    assert (first.kept, second.kept) == (b"12345678", bytes(4))
    other = books.accept(tenant="other")
    said = Outcome({0: Fate.ACCEPTED}, receipt=SealedReceipt(b"abc", 1000, 10))
    books.do(books.ledger.finish(books.claim(), said))
    assert books.status(other).receipts == b"abc"


def test_as_time_goes_by_a_tenant_may_have_more(books: Books) -> None:
    first, second = Written(books, tenant_bytes=10), Written(books, tenant_bytes=10)
    first.finish(b"12345678")
    spent = "bp:rate:r:acme"
    books.redis.set(spent, float(books.redis.get(spent)) - DAY / 10)
    second.finish(b"abc")
    assert second.kept == b"abc"


def test_the_status_shows_them_in_base64_and_null_where_there_is_none(books: Books) -> None:
    job = Written(books)
    assert status_document(books.status(job.job_id))["receipt"] is None
    job.finish(b"\xff\xfe")
    assert status_document(books.status(job.job_id))["receipt"] == "//4="


def test_the_page_opens_them_with_a_library(tmp_path: Path) -> None:
    public, private = new_pair()
    code = GUIDE.read_text().partition("```python\n")[2].partition("```")[0]
    (tmp_path / "opener.py").write_text(code)
    receipts = runpy.run_path(str(tmp_path / "opener.py"))["receipts"]
    kept = seal_receipt(b'{"attempt": 1}', public, "job") + bytes(4) + seal_receipt(b'{"attempt": 2}', public, "job")
    status = {"id": "job", "receipt": b64encode(kept).decode()}
    assert list(receipts(status, private)) == [{"attempt": 1}, None, {"attempt": 2}]
    assert list(receipts({"id": "job", "receipt": None}, private)) == []
