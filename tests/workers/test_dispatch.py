"""Dispatch: from a claim to the count, with sealed jobs, a real ledger and a mail server that is there."""

import email
from dataclasses import replace
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime

import pytest
from msgspec.structs import replace as replace_field

from catcher.process import Running
from dispatcher.contracts.errors import TooLate
from dispatcher.contracts.job import Delivery, OnUnknown
from dispatcher.contracts.mail import Account, PasswordAuth, Tls
from dispatcher.contracts.outcome import FailureClass, Outcome, SmtpPhase, State
from tests.contracts.conftest import HOUR, Books
from tests.workers.conftest import LOOPBACK, Office, door, submission
from tests.workers.smtp.scripted import Heard, serve
from tests.workers.smtp.test_session import CA_PEM, CONTEXT
from workers.default_account import DefaultAccount
from workers.dispatch import dispatch
from workers.hand import Hand
from workers.route import Route
from workers.smtp.egress import Egress
from workers.smtp.pool import Pool
from workers.studio import LARGE_PAGE_CHARACTERS

SIGN_IN_REFUSED = ("S: 220 server", "C: EHLO", "S: 250-server", "S: 250 AUTH PLAIN", "C: AUTH PLAIN", "S: 535 5.7.8 no", "C: QUIT")


def work(books: Books, office: Office) -> None:
    """One attempt of the job that is next."""
    books.do(dispatch(Hand(books.claim()), office.desk))


def make_due(books: Books, job_id: str) -> None:
    books.redis.zadd("bp:sched", {job_id: 0})
    books.sweep()


def summary(books: Books, job_id: str) -> tuple[State, str, str | None, bool]:
    status = books.status(job_id)
    assert books.has_payload(job_id) == (not status.purged)
    return status.state, status.fates, status.failure_class, status.purged


def arrived(catcher: Running) -> list[Message]:
    return [email.message_from_bytes(catcher.source(mail["number"])) for mail in catcher.mails()]


def test_a_sealed_job_becomes_a_mail_and_then_nothing_but_a_count(books: Books, office: Office, catcher: Running) -> None:
    job_id = books.do(office.enqueue(submission(door(catcher.plain_port))))
    work(books, office)
    assert summary(books, job_id) == (State.SENT, "a", None, True)
    assert [(mail["Subject"], mail["To"]) for mail in arrived(catcher)] == [("Release notes", "max@example.org")]
    assert books.counted() == {"sent|||other|interactive": 1}
    assert (books.due(), books.claims_nothing()) == (set(), True)


def test_a_large_page_is_mailed_too(books: Books, office: Office, catcher: Running) -> None:
    posted = submission(door(catcher.plain_port), body=f"<p>{'Hello ' * (LARGE_PAGE_CHARACTERS // 6)}</p>")
    job_id = books.do(office.enqueue(posted))
    work(books, office)
    assert summary(books, job_id) == (State.SENT, "a", None, True)


def test_a_job_that_was_not_sealed_by_us_fails_undecryptable(books: Books, office: Office) -> None:
    job_id = books.accept(fates="pp", n=2)
    work(books, office)
    assert summary(books, job_id) == (State.FAILED, "rr", "payload_undecryptable", True)


def test_a_job_under_the_record_of_another_fails_undecryptable(books: Books, office: Office, catcher: Running) -> None:
    first, second = (books.do(office.enqueue(submission(door(catcher.plain_port)))) for _ in range(2))
    books.redis.copy(f"bp:pay:{second}", f"bp:pay:{first}", replace=True)
    work(books, office)
    work(books, office)
    assert [summary(books, job_id) for job_id in (first, second)] == [
        (State.FAILED, "r", "payload_undecryptable", True),
        (State.SENT, "a", None, True),
    ]


def test_a_page_beyond_the_limits_fails_and_nothing_is_sent(books: Books, office: Office, catcher: Running) -> None:
    job_id = books.do(office.enqueue(submission(door(catcher.plain_port), body="<div>" * 1000)))
    work(books, office)
    assert (summary(books, job_id), catcher.mails()) == ((State.FAILED, "r", "render_failed", True), [])


def test_one_greylisted_message_defers_the_job_and_holds_up_no_other(books: Books, office: Office, catcher: Running) -> None:
    to = ("defer@example.org", "max@example.org", "ann@example.org")
    job_id = books.do(office.enqueue(submission(door(catcher.plain_port), *to, delivery=Delivery.INDIVIDUAL)))
    work(books, office)
    assert summary(books, job_id) == (State.DEFERRED, "paa", "greylisted", False)
    assert [mail["envelope_to"] for mail in catcher.mails()] == [["max@example.org"], ["ann@example.org"]]
    assert books.status(job_id).attempts == 1
    make_due(books, job_id)
    assert books.claim().pending == frozenset({0})


@pytest.mark.parametrize("delivery", list(Delivery))
@pytest.mark.parametrize("to", [("defer@example.org", "refuse@example.org"), ("refuse@example.org", "defer@example.org")])
def test_one_refused_for_good_takes_no_second_try_from_another(
    books: Books, office: Office, catcher: Running, to: tuple[str, str], delivery: Delivery
) -> None:
    job_id = books.do(office.enqueue(submission(door(catcher.plain_port), *to, delivery=delivery)))
    work(books, office)
    fates = "".join("p" if address.startswith("defer") else "r" for address in to)
    assert summary(books, job_id) == (State.DEFERRED, fates, "greylisted", False)
    assert books.status(job_id).refusals == {fates.index("r"): "recipient_unknown"}


def test_a_wrong_password_is_tried_once_for_all_messages(books: Books, office: Office) -> None:
    wrong = PasswordAuth(user="jane", password="wrong")
    to = ("max@example.org", "ann@example.org", "eve@example.org")

    async def story() -> tuple[str, list[bytes]]:
        async with serve(SIGN_IN_REFUSED, CONTEXT, implicit=True) as heard:
            account = door(heard.port, Tls.IMPLICIT, wrong, CA_PEM)
            job_id = await office.enqueue(submission(account, *to, delivery=Delivery.INDIVIDUAL))
            claim = await office.desk.ledger.claim(30_000, ("interactive",))
            assert claim is not None
            await dispatch(Hand(claim), office.desk)
        return job_id, [line.split()[0] for line in heard.lines]

    job_id, said = books.do(story())
    assert (said, summary(books, job_id)) == ([b"EHLO", b"AUTH", b"QUIT"], (State.FAILED, "rrr", "auth_rejected", True))


OPENING = ("S: 220 server", "C: EHLO", "S: 250-server", "S: 250 AUTH PLAIN", "C: AUTH PLAIN", "S: 235 ok")
BODY = ("C: DATA", "S: 354 go", "C: ...", "S: 250 ok")


def at(books: Books, office: Office, lines: tuple[str, ...], *to: str, user: str = "jane", **fields: object) -> tuple[str, Heard]:
    """The id of a job that was dispatched once through a server of these lines, over connections that are kept."""
    desk = replace(office.desk, pool=Pool(LOOPBACK, 5))

    async def story() -> tuple[str, Heard]:
        async with serve(lines, CONTEXT, implicit=True) as heard:
            account = door(heard.port, Tls.IMPLICIT, PasswordAuth(user=user, password="secret"), CA_PEM)
            job_id = await office.enqueue(submission(account, *to, **fields))
            claim = await desk.ledger.claim(30_000, ("interactive",))
            assert claim is not None
            await dispatch(Hand(claim), desk)
            desk.close()
        return job_id, heard

    return books.do(story())


def test_who_was_one_too_many_is_told_in_the_next_transaction_at_once(books: Books, office: Office) -> None:
    first = ("C: MAIL", "S: 250 ok", "C: RCPT TO:<a@", "S: 250 ok", "C: RCPT TO:<b@", "S: 452 4.5.3 enough", "C: RCPT TO:<c@", "S: 552 no")
    second = ("C: RSET", "S: 250 ok", "C: MAIL", "S: 250 ok", "C: RCPT TO:<b@", "S: 250 ok", "C: RCPT TO:<c@", "S: 250 ok")
    to = ("a@example.org", "b@example.org", "c@example.org")
    job_id, heard = at(books, office, (*OPENING, *first, *BODY, *second, *BODY), *to)
    assert (heard.connections, heard.odd, summary(books, job_id)) == (1, [], (State.SENT, "aaa", None, True))
    assert (books.status(job_id).attempts, books.counted()) == (1, {"sent|||other|interactive": 1})


def test_a_server_that_finds_anybody_too_many_is_left_alone_for_a_while(books: Books, office: Office) -> None:
    job_id, heard = at(books, office, (*OPENING, "C: MAIL", "S: 250 ok", "C: RCPT", "S: 452 4.5.3 enough"), "a@example.org")
    assert (heard.connections, summary(books, job_id)) == (1, (State.DEFERRED, "p", "too_many_recipients", False))


SENDER_REFUSED = ("C: MAIL FROM:<jane@example.com>", "S: 550 5.7.60 no permission to send as this sender")
ITSELF = ("C: RSET", "S: 250 ok", "C: MAIL FROM:<wiki@example.com>", "S: 250 ok", "C: RCPT", "S: 250 ok", *BODY)


def test_a_refused_sender_is_replaced_by_the_accounts_address_and_gets_the_answers(books: Books, office: Office) -> None:
    job_id, heard = at(books, office, (*OPENING, *SENDER_REFUSED, *ITSELF), user="wiki@example.com")
    mail = email.message_from_bytes(heard.body)
    assert (heard.odd, summary(books, job_id)) == ([], (State.SENT, "a", None, True))
    assert books.status(job_id).warnings == (("sender_replaced", 1),)
    assert (mail["From"], mail["Reply-To"]) == ("Jane Doe via Acme Wiki <wiki@example.com>", "Jane Doe <jane@example.com>")


def test_a_sender_refused_after_the_dot_is_replaced_too(books: Books, office: Office) -> None:
    late = ("C: MAIL", "S: 250 ok", "C: RCPT", "S: 250 ok", *BODY[:-1], "S: 554 5.2.252 SendAsDenied; wiki@example.com")
    job_id, heard = at(books, office, (*OPENING, *late, *ITSELF), user="wiki@example.com")
    assert (heard.odd, summary(books, job_id)) == ([], (State.SENT, "a", None, True))


def test_a_sender_that_nothing_can_replace_is_refused(books: Books, office: Office) -> None:
    job_id, heard = at(books, office, (*OPENING, *SENDER_REFUSED))
    assert (heard.connections, summary(books, job_id)) == (1, (State.FAILED, "r", "sender_refused", True))


def test_each_of_many_messages_has_the_same_connection(books: Books, office: Office) -> None:
    one = ("C: MAIL", "S: 250 ok", "C: RCPT", "S: 250 ok", *BODY)
    again = ("C: RSET", "S: 250 ok", *one)
    to = ("a@example.org", "b@example.org", "c@example.org")
    job_id, heard = at(books, office, (*OPENING, *one, *again, *again), *to, delivery=Delivery.INDIVIDUAL)
    assert (heard.connections, heard.odd, summary(books, job_id)) == (1, [], (State.SENT, "aaa", None, True))


def test_a_job_for_the_simulator_goes_the_whole_way_without_a_server(books: Books, office: Office) -> None:
    simulated = Account(host="simulator", port=587, tls=Tls.STARTTLS, auth=PasswordAuth(user="jane", password="secret"))
    job_id = books.do(office.enqueue(submission(simulated, "ok@example.org", "bounce@example.org")))
    work(books, office)
    assert summary(books, job_id) == (State.PARTIAL, "ar", "recipient_unknown", True)


def test_the_default_account_where_there_is_none_fails_the_job(books: Books, office: Office) -> None:
    job_id = books.do(office.enqueue(replace_field(submission(door(9)), account="default")))
    work(books, office)
    assert summary(books, job_id) == (State.FAILED, "r", "submission_invalid", True)


def test_mail_of_the_default_account_comes_from_the_operators_address_signed(books: Books, office: Office, catcher: Running) -> None:
    guard = Egress(allow_networks=LOOPBACK.allow_networks, allow_plaintext=True)
    default = DefaultAccount(door(catcher.plain_port), "wiki@relay.example", guard, Noting())
    desk = replace(office.desk, default=Route(default.account, Pool(guard), default))
    job_id = books.do(office.enqueue(replace_field(submission(door(9)), account="default")))
    books.do(dispatch(Hand(books.claim()), desk))
    (mail,) = arrived(catcher)
    assert summary(books, job_id) == (State.SENT, "a", None, True)
    assert (mail["From"], mail["Reply-To"]) == ("Jane Doe via Acme Wiki <wiki@relay.example>", "Jane Doe <jane@example.com>")
    assert (mail["X-Signed"], catcher.mails()[0]["envelope_from"]) == ("yes", "wiki@relay.example")


class Noting:
    """A signer whose signature can be seen."""

    def sign(self, message: bytes) -> bytes:
        return b"X-Signed: yes\r\n" + message


def test_a_lost_answer_is_tried_again_with_the_same_date_and_message_id(books: Books, office: Office, catcher: Running) -> None:
    posted = submission(door(catcher.plain_port), "drop-dot@example.org", on_unknown=OnUnknown.RETRY)
    job_id = books.do(office.enqueue(posted))
    accepted_ms = int(books.record(job_id)["accepted"]) - 100_000
    books.redis.hset(f"bp:job:{job_id}", "accepted", accepted_ms)
    for attempt in (1, 2):
        work(books, office)
        assert summary(books, job_id) == (State.DEFERRED, "p", "outcome_unknown", False)
        assert (books.status(job_id).phase, books.status(job_id).attempts) == ("dot", attempt)
        make_due(books, job_id)
    first, second = arrived(catcher)
    assert (first["Message-ID"], first["Date"]) == (second["Message-ID"], second["Date"])
    assert parsedate_to_datetime(first["Date"]) == datetime.fromtimestamp(accepted_ms // 1000, UTC)


def test_a_lost_answer_stays_unknown_when_the_time_is_over(books: Books, office: Office, catcher: Running) -> None:
    posted = submission(door(catcher.plain_port), "drop-dot@example.org", on_unknown=OnUnknown.RETRY)
    job_id = books.do(office.enqueue(posted))
    tenant = books.record(job_id)["tp"]
    work(books, office)
    with pytest.raises(TooLate):
        books.do(books.ledger.cancel(job_id, tenant))
    books.redis.hset(f"bp:job:{job_id}", "deadline", 1)
    make_due(books, job_id)
    assert summary(books, job_id) == (State.UNKNOWN, "u", "outcome_unknown", True)
    with pytest.raises(TooLate):
        books.do(books.ledger.cancel(job_id, tenant))
    assert books.counted() == {"unknown|outcome_unknown|dot|other|interactive": 1}


def test_a_lost_answer_is_told_at_once_to_who_asked_for_no_more_than_one_mail(books: Books, office: Office, catcher: Running) -> None:
    job_id = books.do(office.enqueue(submission(door(catcher.plain_port), "drop-dot@example.org")))
    work(books, office)
    assert summary(books, job_id) == (State.UNKNOWN, "u", "outcome_unknown", True)


def test_what_nobody_expected_is_tried_again(books: Books, office: Office, catcher: Running, caplog: pytest.LogCaptureFixture) -> None:
    job_id = books.do(office.enqueue(submission(door(catcher.plain_port))))
    books.redis.hset(f"bp:job:{job_id}", "accepted", 10**18)  # no clock says so
    work(books, office)
    assert summary(books, job_id) == (State.DEFERRED, "p", FailureClass.INTERNAL_ERROR, False)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["internal error"]


class Failing(Pool):
    """Its mail goes out, and then something goes wrong here."""

    async def transmit(self, *args: object, **facts: object) -> Outcome:
        await super().transmit(*args, **facts)
        raise RuntimeError


def test_what_nobody_expected_behind_the_fence_makes_no_second_mail(books: Books, office: Office, catcher: Running) -> None:
    posted = submission(door(catcher.plain_port), "a@example.org", "b@example.org", delivery=Delivery.INDIVIDUAL)
    job_id = books.do(office.enqueue(posted))
    books.do(dispatch(Hand(books.claim()), replace(office.desk, pool=Failing(LOOPBACK))))
    assert (summary(books, job_id)[:2], len(arrived(catcher))) == ((State.DEFERRED, "up"), 1)
    make_due(books, job_id)
    work(books, office)
    assert (summary(books, job_id)[:2], [mail["envelope_to"] for mail in catcher.mails()]) == (
        (State.UNKNOWN, "ua"),
        [["a@example.org"], ["b@example.org"]],
    )


def test_a_job_that_ten_workers_died_over_fails_and_is_kept_no_longer(books: Books, office: Office) -> None:
    job_id = books.do(office.enqueue(submission(door(9), "max@example.org", "ann@example.org")))
    states = []
    for _ in range(10):
        books.claim(lease_ms=0)
        books.sweep()
        states.append(books.state(job_id))
    assert states == [State.QUEUED] * 9 + [State.FAILED]
    assert summary(books, job_id) == (State.FAILED, "rr", "worker_lost", True)
    assert (books.due(), books.claims_nothing()) == (set(), True)


def test_a_job_that_ten_workers_died_over_after_a_lost_answer_is_unknown(books: Books, office: Office, catcher: Running) -> None:
    posted = submission(door(catcher.plain_port), "drop-dot@example.org", on_unknown=OnUnknown.RETRY)
    job_id = books.do(office.enqueue(posted))
    work(books, office)
    make_due(books, job_id)
    for _ in range(10):
        books.claim(lease_ms=0)
        books.sweep()
    assert summary(books, job_id) == (State.UNKNOWN, "u", "worker_lost", True)


def test_a_job_whose_dot_was_never_answered_before_the_worker_died_is_unconfirmed(books: Books, office: Office) -> None:
    job_id = books.do(office.enqueue(submission(door(9))))
    claim = books.claim()
    books.do(books.ledger.fence(claim, frozenset({0}), HOUR))
    make_due(books, job_id)
    assert (summary(books, job_id), books.status(job_id).phase) == ((State.UNKNOWN, "u", "outcome_unknown", True), SmtpPhase.DOT)


@pytest.mark.parametrize("delivery", list(Delivery))
def test_a_lost_answer_is_tried_again_also_beside_one_who_must_wait(
    books: Books, office: Office, catcher: Running, delivery: Delivery
) -> None:
    posted = submission(
        door(catcher.plain_port), "drop-dot@example.org", "defer@example.org", on_unknown=OnUnknown.RETRY, delivery=delivery
    )
    job_id = books.do(office.enqueue(posted))
    for _ in range(2):
        work(books, office)
        assert summary(books, job_id)[:2] == (State.DEFERRED, "pp")
        make_due(books, job_id)
    assert [mail["envelope_to"] for mail in catcher.mails()] == [["drop-dot@example.org"]] * 2
