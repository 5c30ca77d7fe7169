"""Outbox: what is transmitted next, and what a server's answer adds to it at once."""

from typing import Any

import pytest

from dispatcher.contracts.job import Delivery, Job, Overflow
from dispatcher.contracts.mail import Envelope, Part, PartRole
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, Remark, SmtpPhase
from tests.workers.conftest import claim_of, door, submission
from workers.outbox import Outbox

OWN = "login@example.com"
TOO_MANY = Failure(FailureClass.TOO_MANY_RECIPIENTS, SmtpPhase.RCPT, 452, permanent=False)
SENDER = Failure(FailureClass.SENDER_REFUSED, SmtpPhase.MAIL, 550)
SENDER_AFTER_THE_DOT = Failure(FailureClass.SENDER_REFUSED, SmtpPhase.REPLY, 554)
GREYLISTED = Failure(FailureClass.GREYLISTED, SmtpPhase.RCPT, 451, permanent=False)
P, A, R = Fate.PENDING, Fate.ACCEPTED, Fate.REFUSED


def job(count: int = 3, **fields: Any) -> Job:  # noqa: ANN401 -- any field of a submission
    return Job(submission(door(25), *(f"{index}@example.org" for index in range(count)), **fields), "<id@example.com>")


def outbox(count: int = 3, own: str | None = None, *, first: int = 0, most: int = 100, **fields: Any) -> Outbox:  # noqa: ANN401 -- any field of a submission
    return Outbox(job(count, **fields), claim_of("p" * count, first=first), own, most)


def told(envelope: Envelope) -> tuple[str, list[str]]:
    return envelope.sender, [address.partition("@")[0] for address, _ in envelope.recipients]


def rest(box: Outbox) -> list[tuple[str, list[str]]]:
    return [told(envelope) for envelope in iter(lambda: box.take() if box else None, None)]


def test_one_message_for_all_or_one_for_each() -> None:
    assert rest(outbox()) == [("jane@example.com", ["0", "1", "2"])]
    assert rest(outbox(delivery=Delivery.INDIVIDUAL)) == [("jane@example.com", [name]) for name in ("0", "1", "2")]


def test_no_message_has_more_recipients_than_the_operator_allows() -> None:
    assert rest(outbox(5, most=2)) == [("jane@example.com", names) for names in (["0", "1"], ["2", "3"], ["4"])]
    assert [names for _, names in rest(outbox(2, most=2, delivery=Delivery.INDIVIDUAL))] == [["0"], ["1"]]


def test_only_who_is_pending_has_a_message() -> None:
    box = Outbox(job(5), claim_of("parpu"), None, 1)
    assert [names for _, names in rest(box)] == [["0"], ["3"]]


@pytest.mark.parametrize(("first", "order"), [(0, "01234"), (2, "23401"), (3, "34012"), (4, "40123"), (9, "01234")])
def test_the_messages_begin_with_the_first_recipient_of_the_claim_and_go_round(first: int, order: str) -> None:
    assert "".join(name for _, names in rest(outbox(5, first=first, most=1)) for name in names) == order


def test_who_begins_in_the_middle_of_a_message_waits_for_the_next_round() -> None:
    assert [names for _, names in rest(outbox(5, first=1, most=2))] == [["2", "3"], ["4"], ["0", "1"]]


def test_the_round_outlives_what_a_server_says() -> None:
    box = outbox(4, first=2, most=2)
    box.take()
    box.learn(Outcome({2: A, 3: P}, TOO_MANY, {3: TOO_MANY}))
    assert [names for _, names in rest(box)] == [["3"], ["0", "1"]]


def test_who_was_one_too_many_is_in_the_next_transaction() -> None:
    box = outbox()
    box.take()
    said = Outcome({0: A, 1: P, 2: P}, TOO_MANY, {1: TOO_MANY, 2: TOO_MANY})
    assert box.learn(said) == Outcome({0: A, 1: P, 2: P})
    assert (box.waiting, rest(box)) == ({1, 2}, [("jane@example.com", ["1", "2"])])


def test_a_server_that_takes_nobody_is_not_asked_again_at_once() -> None:
    box = outbox()
    box.take()
    said = Outcome({0: P, 1: P, 2: P}, TOO_MANY, dict.fromkeys((0, 1, 2), TOO_MANY))
    assert (box.learn(said), box.waiting) == (said, frozenset())


def test_whoever_else_must_wait_waits() -> None:
    box = outbox()
    box.take()
    learnt = box.learn(Outcome({0: A, 1: P, 2: P}, GREYLISTED, {1: GREYLISTED, 2: TOO_MANY}))
    assert (learnt.pending, learnt.refusals, rest(box)) == ({1, 2}, {1: GREYLISTED}, [("jane@example.com", ["2"])])


@pytest.mark.parametrize("failure", [SENDER, SENDER_AFTER_THE_DOT])
def test_a_refused_sender_makes_way_for_the_accounts_own_address_once(failure: Failure) -> None:
    box = outbox(own=OWN)
    box.take()
    refused = Outcome({0: R, 1: R, 2: R}, failure)
    assert box.learn(refused) == Outcome({0: P, 1: P, 2: P}, warnings={Remark.SENDER_REPLACED: 1})
    assert (box.job.sender, told(box.take())) == (OWN, (OWN, ["0", "1", "2"]))
    assert (box.learn(refused), box.waiting) == (refused, frozenset())


def test_a_sender_refused_at_each_recipient_is_refused_too() -> None:
    box = outbox(own=OWN)
    box.take()
    unknown = Failure(FailureClass.RECIPIENT_UNKNOWN, SmtpPhase.RCPT, 550)
    learnt = box.learn(Outcome({0: R, 1: R, 2: R}, SENDER, {0: SENDER, 1: unknown, 2: SENDER}))
    assert (learnt.fates, learnt.refusals) == ({0: P, 1: R, 2: P}, {1: unknown})
    assert rest(box) == [(OWN, ["0", "2"])]


def test_messages_that_wait_change_their_sender_too() -> None:
    box = outbox(own=OWN, delivery=Delivery.INDIVIDUAL)
    box.take()
    box.learn(Outcome({0: R}, SENDER))
    assert rest(box) == [(OWN, [name]) for name in ("0", "1", "2")]


@pytest.mark.parametrize("own", [None, "jane@example.com"])
def test_without_another_address_the_refusal_stands(own: str | None) -> None:
    box = outbox(own=own)
    box.take()
    refused = Outcome({0: R, 1: R, 2: R}, SENDER)
    assert (box.learn(refused), bool(box)) == (refused, False)


def attached(*sizes: int) -> tuple[Part, ...]:
    return tuple(Part(id=f"{size}", name=f"{size}.pdf", type="a/b", role=PartRole.ATTACHMENT, content=bytes(size)) for size in sizes)


TOO_LARGE = Failure(FailureClass.MESSAGE_TOO_LARGE, SmtpPhase.EHLO)


def test_a_mail_that_is_too_large_is_told_anew_without_its_largest_attachment() -> None:
    box = outbox(2, overflow=Overflow.LINK, parts=attached(10, 30, 20))
    left_out = []
    while box:
        box.take()
        said = box.learn(Outcome.all(frozenset({0, 1}), R, TOO_LARGE))
        left_out.append(box.job.left_out)
    assert left_out == [("30.pdf",), ("30.pdf", "20.pdf"), ("30.pdf", "20.pdf", "10.pdf"), ("30.pdf", "20.pdf", "10.pdf")]
    assert (said.fates, said.failure) == ({0: R, 1: R}, TOO_LARGE)


def test_an_attachment_that_may_not_be_left_out_stays() -> None:
    box = outbox(1, parts=attached(10))
    box.take()
    assert (box.learn(Outcome.all(frozenset({0}), R, TOO_LARGE)).failure, bool(box)) == (TOO_LARGE, False)


@pytest.mark.parametrize(
    ("most", "left_out"), [(60, ()), (59, ("30.pdf",)), (29, ("30.pdf", "20.pdf")), (0, ("30.pdf", "20.pdf", "10.pdf"))]
)
def test_what_is_more_than_a_job_may_have_is_left_out_before_it_is_composed(most: int, left_out: tuple[str, ...]) -> None:
    assert job(overflow=Overflow.LINK, parts=attached(10, 30, 20)).within(most).left_out == left_out
