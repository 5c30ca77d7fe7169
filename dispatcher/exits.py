"""Exits: what a command ends with (sysexits.h, where that has a word for it)."""

from typing import Final

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
TEMPORARY: Final = 75
INTERRUPTED: Final = 130  # as a shell tells SIGINT
