"""Mood: what the sink does wrong, to everybody by its mood and to one recipient by his address."""

import re
from collections import Counter
from typing import Final, Literal

import msgspec

FAULT: Final = re.compile(
    r"f-(?P<what>[45]\d\d|dot-[45]\d\d|drop-(?:rcpt|data|body|dot)|lose-dot|slow-(?:rcpt|dot)|drip)(?:-(?P<times>\d+))?\..*@", re.ASCII
)
Phase = Literal["banner", "ehlo", "mail", "rcpt", "data", "body", "dot"]


class Mood(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the sink is like for everybody; as it comes it is well-behaved and quick.

    dot_seconds    from a dot to its answer
    slow_seconds   how long `f-slow-` takes, and `f-drip` from one byte of a reply to the next a hundredth of it
    connections    of one user at once; MAIL on one more is told `one_too_many`; 0 is without limit
    mails          of one user within `within_seconds`; MAIL for one more is told 451; 0 is without limit
    auth           what is said to who signs in: 235 lets them in
    silent         whether it says nothing any more
    holds          at each of these phases, how many conversations stop until they are let go
    """

    dot_seconds: float = 0.0
    slow_seconds: float = 1.0
    connections: int = 0
    one_too_many: int = 432
    mails: int = 0
    within_seconds: float = 60.0
    auth: int = 235
    silent: bool = False
    holds: dict[Phase, int] = {}


class Temper:
    """How often each address was mistreated; one with a number is left in peace after so many times."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()

    def fault(self, address: str) -> str:
        """What goes wrong this time, as `451`, `drop-body`; nothing, or nothing any more."""
        found = FAULT.match(address)
        if found is None:
            return ""
        self._times[address] += 1
        times = found["times"]
        return "" if times and self._times[address] > int(times) else found["what"]
