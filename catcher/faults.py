"""Fault addresses: recipients whose local part makes one failure happen, so that anybody can see it.

| local part    | what happens, at any domain                                              |
|---------------|--------------------------------------------------------------------------|
| `refuse`      | RCPT is answered 550 5.1.1, for good                                     |
| `full`        | RCPT is answered 452 4.2.2                                               |
| `defer`       | RCPT is answered 451 4.7.1, always                                       |
| `defer-N`     | RCPT is answered 451 4.7.1 N times for one sender, then accepted         |
| `reject-data` | the dot is answered 554 5.7.1                                            |
| `slow`        | the dot is answered after 3 seconds; `slow-N`: after N seconds           |
| `drop-body`   | the connection is closed at DATA, before any of the body                 |
| `drop-dot`    | the mail is kept, then the connection is closed without an answer        |
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

FAULTS: Final = (
    ("refuse", "Refused for good: 550 5.1.1 to RCPT."),
    ("full", "The mailbox is full: 452 4.2.2 to RCPT."),
    ("defer", "Always told to come back later: 451 4.7.1 to RCPT."),
    ("defer-2", "Told to come back later twice, then accepted. Any number works."),
    ("reject-data", "The content is refused: 554 5.7.1 after the dot."),
    ("slow", "The dot is answered after 3 seconds. slow-8 waits 8."),
    ("drop-body", "The connection breaks at DATA, before any of the body."),
    ("drop-dot", "The mail is kept, but the connection breaks before the answer."),
)
SLOW_SECONDS: Final = 3
PAIRS_LIMIT: Final = 10_000

_DEFER: Final = "451 4.7.1 Come back later"
_RCPT_REPLIES: Final = {"refuse": "550 5.1.1 No such mailbox", "full": "452 4.2.2 The mailbox is full", "defer": _DEFER}
_NUMBERED: Final = re.compile(r"(defer|slow)-([0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    number: int | None = None


def parse_fault(address: str) -> Fault:
    """The fault an address asks for; for any other address its name is simply no fault's."""
    local_part = address.rpartition("@")[0].lower()
    numbered = _NUMBERED.fullmatch(local_part)
    if numbered is None:
        return Fault(local_part)
    return Fault(numbered[1], int(numbered[2]))


def has_fault(name: str, addresses: Iterable[str]) -> bool:
    return any(parse_fault(address).name == name for address in addresses)


def wait_seconds(addresses: Iterable[str]) -> int:
    faults = [parse_fault(address) for address in addresses]
    return max((SLOW_SECONDS if fault.number is None else fault.number for fault in faults if fault.name == "slow"), default=0)


class Deferrals:
    """Counts the answers of `defer-N`, for each pair of sender and address; an accepted pair starts anew."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], int] = {}

    def rcpt_reply(self, sender: str, address: str) -> str | None:
        """The reply that turns the address away, or None when it is welcome."""
        fault = parse_fault(address)
        if fault.name != "defer" or fault.number is None:
            return _RCPT_REPLIES.get(fault.name)
        given = self._given.pop((sender, address), 0)
        if given >= fault.number:
            return None
        if len(self._given) >= PAIRS_LIMIT:
            self._given.clear()
        self._given[sender, address] = given + 1
        return _DEFER

    def clear(self) -> None:
        self._given.clear()
