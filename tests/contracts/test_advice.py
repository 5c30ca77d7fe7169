"""Advice: a sentence for every class."""

import pytest

from dispatcher.contracts.advice import ADVICE
from dispatcher.contracts.outcome import FailureClass


def test_every_failure_class_has_its_advice_in_the_order_of_the_classes() -> None:
    assert list(ADVICE) == list(FailureClass)


@pytest.mark.parametrize("words", ADVICE.values(), ids=map(str, ADVICE))
def test_advice_is_made_of_whole_sentences(words: str) -> None:
    assert (words[0].isupper(), words[-1], words == words.strip(), "  " in words) == (True, ".", True, False)
