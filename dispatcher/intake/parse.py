"""Parse: the caller's JSON becomes a Submission once, strictly; complaints name places and codes, never values."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from dispatcher.contracts.errors import Invalid, Malformed
from dispatcher.contracts.job import Submission

UNSUPPORTED: Final = "/page/format"
PLACE: Final = re.compile(r" - at `\$(?P<path>[^`]*)`$")
NAMED: Final = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
STEP: Final = re.compile(r"\.(?P<name>[A-Za-z_]+)|\[(?P<index>\d+)\]")
CODES: Final = (
    ("Object contains unknown field", "unknown_field"),
    ("Object missing required field", "missing"),
    ("Invalid enum value", "not_allowed"),
    ("Invalid value", "not_allowed"),
    ("of length <=", "too_long"),
    ("of length >=", "missing"),
    ("Expected `int` <=", "not_allowed"),
    ("Expected `int` >=", "not_allowed"),
    ("", "wrong_type"),
)


def parse(body: bytes) -> Submission:
    """The submission; raises Malformed, or Invalid with the first place that does not fit."""
    try:
        return msgspec.json.decode(body, type=Submission)
    except msgspec.ValidationError as error:
        raise Invalid.because(_complaint(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed from None


def _complaint(message: str) -> tuple[str, str]:
    """The library's message as pointer and code; its text, which may quote a value, ends here."""
    place = PLACE.search(message)
    pointer = "".join(_steps(place["path"])) if place else ""
    named = NAMED.match(message)
    if named:
        pointer += f"/{named['field']}"
    code = next(code for words, code in CODES if words in message)
    return pointer, "unsupported_body_format" if pointer == UNSUPPORTED else code


def _steps(path: str) -> Iterator[str]:
    """RFC 6901 steps; msgspec writes field names of ours and indexes only."""
    for step in STEP.finditer(path):
        yield f"/{step['name'] or step['index']}"
