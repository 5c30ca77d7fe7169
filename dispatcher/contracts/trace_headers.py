"""Trace headers: the trace that a caller has begun, as W3C Trace Context or B3 write it. What is written wrongly is not there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

W3C: Final = re.compile(r"(?!ff|00-.{53})[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.ASCII)
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
        """None where nothing is to be traced: no header is valid, or the first that is decides against it."""
        w3c = W3C.fullmatch(headers.get("traceparent", ""))
        if w3c and (caller := cls.valid(w3c[1], w3c[2])):
            return caller if int(w3c[3], 16) & 1 else None
        for written in (headers.get("b3", ""), _single(headers)):
            if written == NOTHING:
                return None
            b3 = B3.fullmatch(written)
            if b3 and (caller := cls.valid(b3[1].rjust(32, "0"), b3[2])):
                return caller if b3[3] != NOTHING else None
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
