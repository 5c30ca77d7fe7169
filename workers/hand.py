"""Hand: a job in hand: whether another of its messages may begin, and whether what happens now may be dropped."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.outcome import Fate, Outcome
from workers.diary import Diary

Fence = Callable[[frozenset[int]], Awaitable[bool]]
TAKEN: Final = frozenset({Fate.ACCEPTED, Fate.UNCONFIRMED})


class Hand:
    """What is droppable may be cut short; what is recorded may not, nor a message from when its fence is asked."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.diary = Diary(claim)
        self._droppable = False
        self._stopping = False
        self._fenced: frozenset[int] = frozenset()
        self._taken = 0

    @property
    def may_go_on(self) -> bool:
        """Whether another message may begin now."""
        return not self._stopping and self._taken < self.claim.messages

    def stop(self) -> bool:
        """No further message begins; whether what happens now is to be dropped."""
        self._stopping = True
        return self._droppable

    @contextmanager
    def droppable(self) -> Iterator[None]:
        """What happens within may be cut short by CancelledError."""
        self._droppable = True
        try:
            yield
        except asyncio.CancelledError:
            _go_on_after_cancel()
            raise
        finally:
            self._droppable = False

    def behind(self, fence: Fence) -> Fence:
        """The fence, from which on nothing is dropped; no answer of Redis means no dot."""

        async def ask(indexes: frozenset[int]) -> bool:
            self._droppable, self._fenced = False, indexes
            try:
                return await fence(indexes)
            except Unavailable:
                return False

        return ask

    def note(self, outcome: Outcome) -> None:
        """A message is over; it was one of those that may be taken unless the server has taken it for nobody."""
        self._fenced = frozenset()
        self._taken += not TAKEN.isdisjoint(outcome.fates.values())

    def unsaid(self, waiting: frozenset[int]) -> dict[int, Fate]:
        """The fates of those who wait, when nobody can say any more what became of their message: behind the fence they may have it."""
        return {index: Fate.UNCONFIRMED if index in self._fenced else Fate.PENDING for index in sorted(waiting)}


def _go_on_after_cancel() -> None:
    """What follows is a task's usual work; early versions of Python 3.11 would count the cancel against each time limit in it."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
