"""Advice: a sentence for every class."""

import pytest

from dispatcher.contracts.advice import ADVICE, advice_now
from dispatcher.contracts.outcome import FailureClass


def test_every_failure_class_has_its_advice_in_the_order_of_the_classes() -> None:
    assert list(ADVICE) == list(FailureClass)


@pytest.mark.parametrize("words", ADVICE.values(), ids=map(str, ADVICE))
def test_advice_is_made_of_whole_sentences(words: str) -> None:
    assert (words[0].isupper(), words[-1], words == words.strip(), "  " in words) == (True, ".", True, False)


def test_to_who_has_no_job_nothing_is_promised() -> None:
    told = {failure_class: advice_now(failure_class) for failure_class in FailureClass}
    assert [words for words in told.values() if "It is tried again" in words or not words.endswith(".")] == []
    assert told[FailureClass.SERVER_BUSY] == "The mail server is busy. Try again in a minute."
    assert told[FailureClass.TLS_CERT_EXPIRED] == ADVICE[FailureClass.TLS_CERT_EXPIRED]
