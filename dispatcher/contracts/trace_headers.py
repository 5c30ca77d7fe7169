"""Trace headers: the trace that a caller has begun, as W3C Trace Context or B3 write it. What is written wrongly is not there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

W3C: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.ASCII)
B3: Final = re.compile(r"([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?", re.ASCII)
WRITTEN: Final = re.compile(r"([0-9a-f]{32})-([0-9a-f]{16})", re.ASCII)
NOTHING: Final = "0"


@dataclass(frozen=True)
class Caller:
    """The span that ours are to stand below."""

    trace: str
    span: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Self | None:
        """None where nothing is to be traced: no header, none that is valid, or a caller who has decided against it."""
        if w3c := W3C.fullmatch(headers.get("traceparent", "")):
            trace, span, flags = w3c.groups()
            return cls.valid(trace, span) if int(flags, 16) & 1 else None
        if b3 := B3.fullmatch(headers.get("b3", "") or _single(headers)):
            trace, span, sampled = b3.groups()
            return cls.valid(trace.rjust(32, "0"), span) if sampled != "0" else None
        return None

    @classmethod
    def valid(cls, trace: str, span: str) -> Self | None:
        """None if one of them is all zeros, which stands for none."""
        return cls(trace, span) if trace.strip(NOTHING) and span.strip(NOTHING) else None

    @classmethod
    def read(cls, written: str) -> Self | None:
        """As a job's record holds it."""
        found = WRITTEN.fullmatch(written)
        return cls.valid(*found.groups()) if found else None

    def __str__(self) -> str:
        return f"{self.trace}-{self.span}"


def _single(headers: Mapping[str, str]) -> str:
    """What Forge sends in several headers, as B3 writes it in one."""
    decided = (
        "d" if headers.get("x-b3-flags") == "1" else {"true": "1", "false": "0"}.get(sampled := headers.get("x-b3-sampled", ""), sampled)
    )
    parts = (headers.get("x-b3-traceid", ""), headers.get("x-b3-spanid", ""), decided)
    return "-".join(part for part in parts if part)
