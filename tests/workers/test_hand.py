"""Hand: when another message may begin, and when what happens may be dropped."""

import asyncio

import pytest

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.outcome import Fate, Outcome
from tests.workers.conftest import claim_of
from workers.hand import Fence, Hand


def hand(messages: int = 1_000_000) -> Hand:
    return Hand(claim_of("pp", messages=messages))


async def leave(_: frozenset[int]) -> bool:
    return True


def ask(begun: Hand, fence: Fence) -> bool:
    """The leave for the first recipient."""

    async def asked() -> bool:
        return await begun.behind(fence)(frozenset({0}))

    return asyncio.run(asked())


def test_what_was_not_begun_is_not_dropped_and_begins_no_message() -> None:
    begun = hand()
    assert (begun.may_go_on, begun.stop(), begun.may_go_on) == (True, False, False)


def test_only_what_is_droppable_is_dropped() -> None:
    begun = hand()
    with begun.droppable():
        assert begun.stop()
    assert not begun.stop()


def test_nothing_is_dropped_any_more_when_it_has_failed() -> None:
    begun = hand()
    with pytest.raises(RuntimeError), begun.droppable():
        raise RuntimeError
    assert not begun.stop()


def test_from_its_fence_on_a_message_is_not_dropped() -> None:
    begun = hand()

    async def asked(indexes: frozenset[int]) -> bool:
        return not begun.stop() and await leave(indexes)

    with begun.droppable():
        assert ask(begun, asked)
        assert not begun.stop()


def test_no_answer_of_redis_is_no_leave() -> None:
    async def silent(_: frozenset[int]) -> bool:
        raise Unavailable

    assert not ask(hand(), silent)


def test_who_is_behind_the_fence_may_have_the_mail_until_it_is_said_what_became_of_it() -> None:
    begun, waiting = hand(), frozenset({0, 1})
    before = begun.unsaid(waiting)
    ask(begun, leave)
    behind = begun.unsaid(waiting)
    begun.note(Outcome({0: Fate.ACCEPTED}))
    p, u = Fate.PENDING, Fate.UNCONFIRMED
    assert (before, behind, begun.unsaid(frozenset({1}))) == ({0: p, 1: p}, {0: u, 1: p}, {1: p})


@pytest.mark.parametrize("letters", ["aa", "ar", "ap", "u", "au"])
def test_a_message_that_anybody_may_have_is_one_of_those_that_may_be_taken(letters: str) -> None:
    begun = hand(messages=2)
    outcome = Outcome({index: Fate(letter) for index, letter in enumerate(letters)})
    seen = []
    for _ in range(2):
        begun.note(outcome)
        seen.append(begun.may_go_on)
    assert seen == [True, False]


@pytest.mark.parametrize("letters", ["rr", "pp", "rp"])
def test_a_message_that_nobody_has_is_none_of_them(letters: str) -> None:
    begun = hand(messages=1)
    for _ in range(5):
        begun.note(Outcome({index: Fate(letter) for index, letter in enumerate(letters)}))
    assert begun.may_go_on
