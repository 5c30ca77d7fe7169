"""R20: whatever order the eight scripts run in, Redis holds what the model says: no way back from an end, nobody mailed twice."""

from tests.contracts.conftest import redis_url
from tests.contracts.model.play import EXAMPLES, play
from tests.faults.conftest import Scale

__all__ = ["redis_url"]


def test_r20_any_interleaving_of_the_scripts_is_one_of_the_models(redis_url: str, scale: Scale) -> None:
    rounds = scale.of(1, 200_000 // EXAMPLES)
    looks = play(redis_url, rounds, scale.of(16, 40))
    print(f"R20: {rounds * EXAMPLES} examples, every key compared {looks} times, no difference and no broken promise")
    assert looks > rounds * EXAMPLES
