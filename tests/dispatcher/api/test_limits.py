"""Limits: header fields that tell how much a tenant may have, and when to come again."""

import pytest

from dispatcher.api.limits import after_post, at_limit, come_again
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import CheckedOften, QuotaExhausted, RateLimited
from dispatcher.contracts.job import Delivery, Receipt
from dispatcher.contracts.outcome import State

SETTINGS = ApiSettings()
OF_POSTS = '"posts";q=20;w=20, "open-jobs";q=200'


def receipt(posts_left: int | None = None, full_again_seconds: int | None = None) -> Receipt:
    return Receipt("id", State.QUEUED, 0, "", 1, Delivery.SHARED, posts_left=posts_left, full_again_seconds=full_again_seconds)


def test_after_a_post_one_is_told_how_many_may_follow() -> None:
    assert after_post(SETTINGS, receipt(19, 1)) == {"RateLimit-Policy": OF_POSTS, "RateLimit": '"posts";r=19;t=1'}
    assert after_post(SETTINGS, receipt(0, 20)) == {"RateLimit-Policy": OF_POSTS, "RateLimit": '"posts";r=0;t=20'}


def test_a_replay_tells_the_policy_alone() -> None:
    assert after_post(SETTINGS, receipt()) == {"RateLimit-Policy": OF_POSTS}


def test_a_policy_is_as_the_operator_has_set_it() -> None:
    settings = ApiSettings(posts_per_minute=45, posts_burst=10, open_jobs=7)
    assert after_post(settings, receipt())["RateLimit-Policy"] == '"posts";q=10;w=14, "open-jobs";q=7'


def test_at_a_limit_one_is_told_which_and_until_when() -> None:
    told = [at_limit(SETTINGS, error) for error in (RateLimited.until(3), QuotaExhausted.until(10), CheckedOften.until(37))]
    assert told == [
        {"RateLimit-Policy": OF_POSTS, "RateLimit": '"posts";r=0;t=3'},
        {"RateLimit-Policy": OF_POSTS, "RateLimit": '"open-jobs";r=0;t=10'},
        {"RateLimit-Policy": '"checks";q=5;w=60', "RateLimit": '"checks";r=0;t=37'},
    ]


@pytest.mark.parametrize(("seconds", "between"), [(1, (1, 2)), (2, (2, 3)), (5, (5, 8)), (10, (10, 15)), (60, (60, 90))])
def test_not_everybody_comes_again_at_once_and_nobody_too_early(seconds: int, between: tuple[int, int]) -> None:
    assert (come_again(seconds, 0), come_again(seconds, 1)) == between
