"""Spans: a length of time as a person reads it."""

from typing import Final

MINUTE: Final = 60
HOUR: Final = 3600
EXACT_BELOW: Final = 10  # seconds: a digit more where it says something


def span(seconds: float) -> str:
    """In its largest unit that is not nought."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s" if seconds < EXACT_BELOW else f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < HOUR else f"{seconds / HOUR:.1f} h"
