"""Host: what all conversations of the sink share: its mood, and what it saw."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from tests.faults.mood import Mood, Phase, Temper
from tests.faults.seen import Cut, Glance, Ledger, Mail, SignIn


class Guest(Protocol):
    """Somebody who is connected; `user` is empty for who has not signed in."""

    ehlo: str
    user: str


class Host:
    def __init__(self) -> None:
        self.temper = Temper()
        self.mails: list[Mail] = []
        self.refused: list[Mail] = []
        self.cuts: list[Cut] = []
        self.sign_ins: list[SignIn] = []
        self.asked: Counter[str] = Counter()
        self._guests: list[Guest] = []
        self._most = 0
        self._begun: dict[str, deque[float]] = {}
        self._holding: list[tuple[str, Guest, asyncio.Event]] = []
        self.change(Mood())

    def change(self, mood: Mood) -> None:
        self.mood = mood
        self._holds = Counter(mood.holds)

    @contextmanager
    def visited(self, guest: Guest) -> Iterator[None]:
        self._guests.append(guest)
        try:
            yield
        finally:
            self._guests.remove(guest)

    async def hold(self, phase: Phase, guest: Guest) -> None:
        """Returns when the guest may go on, which is at once as a rule."""
        if self._holds[phase] <= 0:
            return
        self._holds[phase] -= 1
        may_go = asyncio.Event()
        self._holding.append((phase, guest, may_go))
        await may_go.wait()

    def let_go(self) -> None:
        for _, _, may_go in self._holding:
            may_go.set()
        self._holding.clear()

    def refusal(self, guest: Guest) -> str:
        """What is said to a MAIL that is one too many; empty when it is not."""
        likes = [other for other in self._guests if other.user == guest.user]
        self._most = max(self._most, len(likes))
        if self.mood.connections and guest not in likes[: self.mood.connections]:
            return f"{self.mood.one_too_many} 4.3.2 Concurrent connections limit exceeded"
        begun, now = self._begun.setdefault(guest.user, deque()), time.time()
        while begun and begun[0] < now - self.mood.within_seconds:
            begun.popleft()
        if self.mood.mails and len(begun) >= self.mood.mails:
            return "451 4.7.1 Message rate limit exceeded"
        begun.append(now)
        return ""

    def ledger(self) -> Ledger:
        return Ledger(self.mails, self.cuts, self.sign_ins, dict(self.asked), self._most, self.refused)

    def glance(self) -> Glance:
        holding = {phase: guest.ehlo for phase, guest, _ in self._holding}
        return Glance(len(self.mails), len(self.cuts), len(self._guests), holding)
