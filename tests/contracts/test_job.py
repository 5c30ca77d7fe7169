"""Job: indexes, envelopes, the subject, and ids."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dispatcher.contracts.job import JOB_ID, Delivery, Job, Submission, full_subject, new_job_id
from dispatcher.contracts.mail import (
    Account,
    Addressing,
    Auth,
    ClientCredentialsAuth,
    Envelope,
    Layout,
    Mailbox,
    NoAuth,
    Page,
    PasswordAuth,
    Site,
    Tls,
)

ALL = frozenset(range(20))


def boxes(*names: str) -> tuple[Mailbox, ...]:
    return tuple(Mailbox(address=f"{name}@example.org") for name in names)


def job(to: tuple[Mailbox, ...] = boxes("max"), subject: str = "Notes", prefix: str = "", **facts: object) -> Job:
    posted = Submission(
        author=Mailbox(address="ann@example.com"),
        to=to,
        subject=subject,
        page=Page(title="", body="", url="https://a.example"),
        site=Site(url="https://a.example"),
        account="default",
        layout=Layout(subject_prefix=prefix),
        **facts,
    )
    return Job(posted, "<x@example.com>")


def test_a_shared_job_is_one_message_to_each_distinct_address() -> None:
    shared = job(boxes("max", "mia"), cc=boxes("max"), bcc=boxes("kim", "mia"))
    expected = (("max@example.org", (0, 2)), ("mia@example.org", (1, 4)), ("kim@example.org", (3,)))
    assert shared.envelopes(ALL, 100) == (Envelope("ann@example.com", expected),)


def test_an_individual_job_is_a_message_for_each_distinct_address() -> None:
    each = job(boxes("max", "mia"), bcc=boxes("max"), delivery=Delivery.INDIVIDUAL)
    assert each.envelopes(ALL, 100) == (
        Envelope("ann@example.com", (("max@example.org", (0, 2)),)),
        Envelope("ann@example.com", (("mia@example.org", (1,)),)),
    )


@pytest.mark.parametrize(("delivery", "messages"), [(Delivery.SHARED, 1), (Delivery.INDIVIDUAL, 2)])
def test_only_who_is_pending_is_in_an_envelope(delivery: Delivery, messages: int) -> None:
    found = job(boxes("max", "mia", "kim"), delivery=delivery).envelopes(frozenset({0, 2}), 100)
    assert (len(found), frozenset().union(*(envelope.indexes for envelope in found))) == (messages, {0, 2})


@pytest.mark.parametrize("delivery", Delivery)
def test_when_nobody_is_pending_there_is_no_message(delivery: Delivery) -> None:
    assert job(delivery=delivery).envelopes(frozenset(), 100) == ()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=12), st.sets(st.integers(0, 11)), st.sampled_from(Delivery))
def test_envelopes_speak_for_every_pending_index_once(names: list[str], pending: set[int], delivery: Delivery) -> None:
    found = job(boxes(*names), delivery=delivery).envelopes(frozenset(pending), 100)
    indexes = [index for envelope in found for index in sorted(envelope.indexes)]
    addresses = [address for envelope in found for address, _ in envelope.recipients]
    assert (len(indexes), len(addresses)) == (len(set(indexes)), len(set(addresses)))
    assert {names[index] for index in indexes} == {names[index] for index in pending if index < len(names)}


@pytest.mark.parametrize(
    ("prefix", "subject", "joined"),
    [
        ("", "Notes", "Notes"),
        ("[Wiki]", "Notes", "[Wiki] Notes"),
        (" [Wiki] ", " Notes ", "[Wiki] Notes"),
        ("[Wiki]", "[Wiki] Notes", "[Wiki] Notes"),
        ("[Wiki]", "[Wiki]", "[Wiki]"),
        ("[Wiki]", "", "[Wiki] "),
        ("   ", "Notes", "Notes"),
    ],
)
def test_the_prefix_stands_before_the_subject_once(prefix: str, subject: str, joined: str) -> None:
    assert full_subject(job(subject=subject, prefix=prefix).submission) == joined


def test_a_subject_that_happens_to_begin_like_the_prefix_gets_it_still() -> None:
    assert full_subject(job(subject="Release notes", prefix="Re").submission) == "Re Release notes"


def test_the_visible_side_has_no_blind_copies() -> None:
    assert job(bcc=boxes("kim")).addressing() == Addressing(Mailbox(address="ann@example.com"), (), boxes("max"), (), "Notes")


@pytest.mark.parametrize(
    ("user", "reply_to", "expected"),
    [
        (None, (), ()),
        (boxes("jane")[0], (), boxes("jane")),
        (boxes("jane")[0], boxes("desk"), boxes("desk")),
        (Mailbox(address="ann@example.com"), (), ()),
    ],
)
def test_answers_go_to_whoever_pressed_the_button(
    user: Mailbox | None, reply_to: tuple[Mailbox, ...], expected: tuple[Mailbox, ...]
) -> None:
    assert job(user=user, reply_to=reply_to).addressing().reply_to == expected


@pytest.mark.parametrize(
    ("author", "site", "user", "shown", "answers"),
    [
        (Mailbox(address="ann@example.com", name="Ann"), "Acme Wiki", None, "Ann via Acme Wiki", "ann@example.com"),
        (Mailbox(address="ann@example.com"), "", None, "ann via Confluence", "ann@example.com"),
        (Mailbox(address="ann@example.com", name="Ann"), "W", Mailbox(address="jane@example.org"), "Ann via W", "jane@example.org"),
    ],
)
def test_from_another_address_the_author_is_named_and_the_person_gets_the_answers(
    author: Mailbox, site: str, user: Mailbox | None, shown: str, answers: str
) -> None:
    posted = replace(job().submission, author=author, site=Site(url="https://a.example", name=site), user=user)
    changed = Job(posted, "<x@example.com>").sent_from("wiki@example.net")
    seen = changed.addressing()
    assert (seen.author, [mailbox.address for mailbox in seen.reply_to]) == (Mailbox(address="wiki@example.net", name=shown), [answers])
    assert [envelope.sender for envelope in changed.envelopes(ALL, 100)] == ["wiki@example.net"]


def test_a_reply_to_that_was_asked_for_stays() -> None:
    assert job(reply_to=boxes("desk")).sent_from("wiki@example.net").addressing().reply_to == boxes("desk")


def test_from_the_authors_own_address_nothing_changes() -> None:
    assert job().sent_from("ann@example.com").addressing() == job().addressing()


@pytest.mark.parametrize(
    ("auth", "own"),
    [
        (NoAuth(), None),
        (PasswordAuth(user="jane@EXAMPLE.com", password="x"), "jane@example.com"),
        (PasswordAuth(user="jane", password="x"), None),
        (ClientCredentialsAuth(user="wiki@example.com", token_url="https://a", client_id="b", client_secret="c"), "wiki@example.com"),
    ],
)
def test_an_account_has_an_address_of_its_own_where_it_signs_in_with_one(auth: Auth, own: str | None) -> None:
    assert Account(host="mail.example.com", port=587, tls=Tls.STARTTLS, auth=auth).own_address == own


def test_no_secret_is_in_what_a_debugger_prints() -> None:
    told = repr(Account(host="mail.example.com", port=587, tls=Tls.STARTTLS, auth=PasswordAuth(user="jane", password="hunter2")))
    assert ("hunter2" in told, "jane" in told, "PasswordAuth" in told) == (False, False, True)


def test_job_ids_are_ulids_and_no_two_are_alike() -> None:
    ids = [new_job_id() for _ in range(2000)]
    assert ([job_id for job_id in ids if not JOB_ID.fullmatch(job_id)], len(set(ids))) == ([], 2000)
    assert [job_id[:10] for job_id in ids] == sorted(job_id[:10] for job_id in ids)
