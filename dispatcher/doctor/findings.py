"""Findings: what the doctor saw, how bad it is, and the cure. Never a secret, an address or a name of somebody."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

ROLES: Final = ("api", "worker")
OF_SHARD: Final = " of shard "


class State(StrEnum):
    """Red breaks a promise, or keeps jobs from being taken or sent; yellow weakens one; unknown could not be looked at."""

    RED = "red"
    YELLOW = "yellow"
    UNKNOWN = "unknown"
    GREEN = "green"


@dataclass(frozen=True)
class Finding:
    """One; `of` is the program that it is about, or nothing where it is about both."""

    name: str
    state: State
    seen: str
    cure: str = ""
    of: str = ""

    @property
    def subject(self) -> str:
        """The name, without the number of a shard."""
        return self.name.partition(OF_SHARD)[0]

    def of_shard(self, number: int) -> "Finding":
        """The same, of one of several Redis."""
        return replace(self, name=f"{self.name}{OF_SHARD}{number}")


def green(name: str, seen: str) -> Finding:
    return Finding(name, State.GREEN, seen)


def yellow(name: str, seen: str, cure: str) -> Finding:
    return Finding(name, State.YELLOW, seen, cure)


def red(name: str, seen: str, cure: str) -> Finding:
    return Finding(name, State.RED, seen, cure)


def unknown(name: str, seen: str, cure: str) -> Finding:
    return Finding(name, State.UNKNOWN, seen, cure)


def merged(found: Iterable[Finding]) -> list[Finding]:
    """What is the same of both programs is told once; the worst comes first."""
    told = dict.fromkeys(found)
    for finding in list(told):
        alike = [replace(finding, of=role) for role in ROLES]
        if all(one in told for one in alike):
            told[replace(finding, of="")] = None
            for one in alike:
                del told[one]
    return sorted(told, key=lambda finding: list(State).index(finding.state))
