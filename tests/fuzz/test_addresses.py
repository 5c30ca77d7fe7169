"""Addresses: what is let in at the door composes, reads back as it was meant, and is taken by a mail server, in every place."""

from typing import Final

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from dispatcher.contracts.address import CONTROL, addr_spec
from dispatcher.contracts.job import Job, Submission
from tests.fuzz.journeys import DOMAINS, PLACES, WORDS, submission, travel

SAFE: Final = tuple(word for word in WORDS if not CONTROL.search(word))
ANYTHING: Final = st.lists(st.sampled_from(WORDS) | st.characters(), max_size=8).map("".join)
ADDRESSES: Final = st.tuples(ANYTHING, st.sampled_from(DOMAINS) | ANYTHING.map("{}.example".format)).map("@".join) | ANYTHING
ATOMS: Final = st.text(st.sampled_from("!#$%&'*+/=?^_`{|}~-aZ9ü") | st.characters(categories=("L", "M", "N", "S")), min_size=1, max_size=6)
ACCEPTED: Final = st.tuples(st.lists(ATOMS, min_size=1, max_size=3).map(".".join), st.sampled_from(DOMAINS)).map("@".join).filter(addr_spec)
NAMES: Final = st.lists(st.sampled_from(SAFE) | st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=12).map("".join)
TRICKS: Final = (
    "=?utf-8?q?a?=@example.org",
    "=?utf-8?q?evil=40evil.example=2c?=@example.org",
    "a.=?utf-8?q?b?=@example.org",
    "=?utf-8?q?=40evil.example@example.org",  # it has no end, and the library decodes it all the same
)


def travel_both_ways(posted: Submission) -> None:
    """Under the author's name, and on behalf of her."""
    travel(Job(posted, "<1@example.org>"))
    travel(Job(posted, "<1@example.org>").sent_from("wiki@example.net"))


def everywhere(address: str) -> Submission | None:
    return submission({place: [address] for place in PLACES})


@settings(max_examples=300, deadline=None)
@given(ADDRESSES | ACCEPTED)
def test_the_door_lets_in_what_is_an_address_in_every_place_or_in_none(address: str) -> None:
    every = [submission({"from": ["a@b.example"], "to": ["c@d.example"]} | {place: [address]}) is not None for place in PLACES]
    assert set(every) == {addr_spec(address) is not None and len(address) <= 254}


@settings(max_examples=200, deadline=None)
@given(ACCEPTED)
@example("jürgen@bücher.example")
@example(f"{'x' * 64}@{'y' * 63}.{'z' * 63}.{'a' * 57}.b")
def test_an_address_that_is_let_in_arrives_as_it_was_meant(address: str) -> None:
    posted = everywhere(address)
    assert posted is not None
    travel_both_ways(posted)


@pytest.mark.parametrize("address", TRICKS)
def test_an_address_that_reads_as_another_one_arrives_as_it_was_meant_or_is_not_let_in(address: str) -> None:
    posted = everywhere(address)
    if posted is not None:
        travel_both_ways(posted)


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries({place: st.lists(ACCEPTED, min_size=place in {"from", "to"}, max_size=3) for place in PLACES}),
    st.lists(NAMES, min_size=1, max_size=3).map(tuple),
    NAMES,
    NAMES,
)
def test_whatever_people_and_sites_are_called_the_mail_reaches_each_of_them(
    addresses: dict[str, list[str]], names: tuple[str, ...], subject: str, site: str
) -> None:
    posted = submission(addresses, names, subject=subject, site={"url": "https://acme.example/wiki", "name": site})
    assume(posted is not None)
    assert posted is not None
    travel_both_ways(posted)
