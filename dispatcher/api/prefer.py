"""Prefer: how long a caller would wait for an answer (RFC 7240); a preference that we do not understand is none."""

import re
from collections.abc import Iterable
from typing import Final

QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"?')  # without its end it goes to the end of the line, lest each of its quotes begin one
WAIT: Final = re.compile(r"\s*wait\s*=\s*(?P<seconds>\d{1,9})\s*(?:;.*)?", re.ASCII | re.IGNORECASE)
NAME: Final = re.compile(r"\s*wait\s*(?:[=;].*)?", re.ASCII | re.IGNORECASE)


def wait_seconds(prefer: Iterable[str], most: float) -> int:
    """Whole seconds, no more than `most`; of several wishes to wait the first one counts (section 2)."""
    wishes = [wish for line in prefer for wish in QUOTED.sub('""', line).split(",")]
    first = next(filter(NAME.fullmatch, wishes), "")
    understood = WAIT.fullmatch(first)
    return min(int(understood["seconds"]), int(most)) if understood else 0
