"""Ledger, by chance: in whatever order things happen, Redis holds what the model says, and every promise is kept."""

import pytest

from tests.contracts.model.play import EXAMPLES, play

ROUNDS = 2000 // EXAMPLES


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_whatever_happens_redis_holds_what_the_model_says(redis_url: str, _round: int) -> None:
    assert play(redis_url) > EXAMPLES
