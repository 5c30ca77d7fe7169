"""Masked: of what is not on the list only its length survives, whatever stands around it."""

import re
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workers.masked import MOST_CHARACTERS, WORDS, masked

PIECE: Final = 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("ok", "ok"),
        ("Requested mail action okay, completed", "Requested mail action <5 chars> completed"),
        (
            "<max.muster@example.org>: Recipient address rejected: Access denied",
            "m***@e***.org(22) Recipient address rejected: Access denied",
        ),
        ("smtp.example.org ESMTP ready", "<16 chars> <5 chars> ready"),
        ("max@secretcompany", "m***@s***(17)"),
        ("max@example.secret", "m***@e***(18)"),
        ("a@b@c.org", "<9 chars>"),
        ("user=max@example.org,", "u***@e***.org(20)"),
        ("sign\tin\nfirst", "sign in first"),
        ("bac\N{KELVIN SIGN}", "<4 chars>"),
        ("wait-s3cret", "<11 chars>"),
        ("**denied**", "denied"),
        ("denied!!!!", "denied"),
        ("....", "<4 chars>"),
        ("sent 5551234", "sent <7 chars>"),
    ],
)
def test_words_of_the_list_are_shown(text: str, shown: str) -> None:
    assert masked(text) == shown


def pieces(text: str) -> set[str]:
    lower = text.lower()
    return {lower[at : at + PIECE] for at in range(len(lower) - PIECE + 1)}


KNOWN: Final = set().union(*map(pieces, [*WORDS, " chars>"]))
secrets = st.text(st.characters(exclude_categories=["Z", "C"], exclude_characters="@"), min_size=PIECE, max_size=40)


@given(
    secrets,
    st.sampled_from(
        ["{}", "<{}>", "<{}@example.org>", "{}@{}", "max@{}.org", "key={}", '"{}"', "({}),", "denied:{}", "{}-denied", "{}\0{}"]
    ),
    st.sampled_from(["", "550 5.1.1 rejected ", "no such user ", "\t"]),
)
def test_no_piece_of_a_secret_survives(secret: str, around: str, before: str) -> None:
    assume(not pieces(secret) & KNOWN)
    assume(not re.search(r"\.[A-Za-z]{2,3}$", secret))  # a domain's suffix is shown, as the address of its reader has it
    shown = masked(before + around.format(*[secret] * 2) + " accepted")
    assert not pieces(secret) & pieces(shown)
    assert shown.endswith(" accepted")


@given(st.text(max_size=5000))
def test_it_is_short_and_of_one_line_whatever_comes(text: str) -> None:
    shown = masked(text)
    assert len(shown) <= MOST_CHARACTERS
    assert len(shown.splitlines()) <= 1
