"""Left out: attachments that a server has no room for become links, in the same attempt; the preview tells the types that are mailed."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from dispatcher.contracts.job import Overflow
from dispatcher.contracts.mail import Part, PartRole
from dispatcher.contracts.outcome import FailureClass, Remark, State
from tests.contracts.conftest import Books
from tests.workers.conftest import Office, door, submission
from tests.workers.smtp.scripted import Heard, serve
from workers.dispatch import dispatch
from workers.hand import Hand
from workers.preview import previewed
from workers.render.page import Renderer

ROOM = ("S: 220 server", "C: EHLO", "S: 250-server", "S: 250 SIZE 60000")
TAKEN = ("C: MAIL", "S: 250 ok", "C: RCPT", "S: 250 ok", "C: DATA", "S: 354 go", "C: ...", "S: 250 ok", "C: QUIT")
LARGE = Part(id="1", name="film.bin", type="application/octet-stream", role=PartRole.ATTACHMENT, content=bytes(90_000))
SMALL = Part(id="2", name="notes.pdf", type="text/plain", role=PartRole.ATTACHMENT, content=b"%PDF-1.7")


def attempt(books: Books, office: Office, overflow: Overflow) -> tuple[str, Heard]:
    """One, at a server that takes 60,000 bytes."""

    async def story() -> tuple[str, Heard]:
        async with serve(ROOM + TAKEN) as heard:
            job_id = await office.enqueue(submission(door(heard.port), overflow=overflow, parts=(LARGE, SMALL)))
            claim = await office.desk.ledger.claim(30_000, ("interactive",))
            assert claim is not None
            await dispatch(Hand(claim), office.desk)
            office.desk.close()
        return job_id, heard

    return books.do(story())


def mail_of(heard: Heard) -> EmailMessage:
    return email.message_from_bytes(heard.body, policy=email.policy.default)


def test_what_the_server_has_no_room_for_is_a_link_in_the_same_attempt(books: Books, office: Office) -> None:
    job_id, heard = attempt(books, office, Overflow.LINK)
    status = books.status(job_id)
    assert (status.state, status.attempts, status.warnings) == (State.SENT, 1, (("attachment_linked", 1),))
    assert [(part.get_filename(), part.get_content_type()) for part in mail_of(heard).iter_attachments()] == [
        ("notes.pdf", "application/pdf")
    ]


@pytest.mark.parametrize("kind", ["html", "plain"])
def test_both_alternatives_name_what_was_left_out(books: Books, office: Office, kind: str) -> None:
    _, heard = attempt(books, office, Overflow.LINK)
    body = mail_of(heard).get_body((kind,))
    assert body is not None
    assert [name for name in ("film.bin", "notes.pdf") if name in body.get_content()] == ["film.bin"]


def test_a_page_whose_end_is_cut_still_names_what_was_left_out() -> None:
    page = "".join(f"<p>{number} {'word ' * 40}</p>" for number in range(5_000))
    posted = submission(door(25), body=page)
    rendering = Renderer().render(posted, written_at=datetime.now(UTC), left_out=("film.bin", "notes.pdf"))
    assert rendering.remarks == {Remark.ATTACHMENT_LINKED: 2, Remark.TRUNCATED: 1}
    told = [[name for name in ("film.bin", "notes.pdf") if name in part] for part in (rendering.html, rendering.text)]
    assert told == [["film.bin", "notes.pdf"]] * 2


def test_where_nothing_may_be_left_out_the_job_fails_for_its_size(books: Books, office: Office) -> None:
    job_id, _ = attempt(books, office, Overflow.FAIL)
    status = books.status(job_id)
    assert (status.state, status.failure_class, status.attempts) == (State.FAILED, FailureClass.MESSAGE_TOO_LARGE, 1)


def test_a_preview_tells_the_type_that_is_mailed_whatever_was_declared(books: Books, office: Office) -> None:
    preview = books.do(previewed(submission(door(25), parts=(SMALL,)), office.desk))
    assert [(part.name, part.type) for part in preview.parts] == [("notes.pdf", "application/pdf")]
