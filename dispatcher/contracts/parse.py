"""Parse: the caller's JSON becomes a Submission once, strictly; complaints name places and codes, never values."""

import re
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

from dispatcher.contracts.debugging import NewDebugSession
from dispatcher.contracts.errors import Invalid, Malformed
from dispatcher.contracts.job import Submission, Terms
from dispatcher.contracts.pauses import NewPause
from dispatcher.contracts.questions import AccountCheck

T = TypeVar("T")
UNSUPPORTED: Final = "/page/format"
PLACE: Final = re.compile(r" - at `\$(?P<path>[^`]*)`$")
NAMED: Final = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
STEP: Final = re.compile(r"\.(?P<name>[A-Za-z_]+)|\[(?P<index>\d+)\]")
CODES: Final = (
    ("Object contains unknown field", "", "unknown_field"),
    ("Object missing required field", "", "missing"),
    ("Invalid enum value", "", "not_allowed"),
    ("Invalid value", "", "not_allowed"),
    ("Expected", "of length <=", "too_long"),
    ("Expected", "of length >=", "missing"),
    ("Expected `int` <=", "", "not_allowed"),
    ("Expected `int` >=", "", "not_allowed"),
    ("", "", "wrong_type"),
)


def _field_names(*kinds: type) -> set[str]:
    """Every field name of what may be posted, however deep."""
    names: set[str] = set()
    for found in msgspec.json.schema_components(kinds)[1].values():
        names |= set(found.get("properties", {}))
    return names


FIELD_NAMES: Final = frozenset(_field_names(Submission, AccountCheck, NewPause, NewDebugSession))


def parse(body: bytes) -> Submission:
    """The submission; raises Malformed, or Invalid with the first place that does not fit."""
    return parse_as(body, Submission)


def parse_terms(query: Iterable[tuple[str, str]]) -> Terms:
    """What a query says of a submission that is sealed end to end; raises Invalid, also for a field that is there twice."""
    fields = list(query)
    named = dict(fields)
    if len(named) < len(fields):
        raise Invalid.because(("", "not_allowed"))
    try:
        return msgspec.convert(named, Terms, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid.because(_complaint(str(error))) from None


def parse_as(body: bytes, kind: type[T]) -> T:
    """What was posted, if it is one of these; raises as `parse` does."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Invalid.because(_complaint(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed from None


def _complaint(message: str) -> tuple[str, str]:
    """The library's message as pointer and code; its text, which may quote a value, ends here."""
    place = PLACE.search(message)
    pointer = _pointer(place["path"]) if place else ""
    named = NAMED.match(message)
    if named:
        pointer += f"/{named['field']}"
    code = next(code for opening, words, code in CODES if message.startswith(opening) and words in message)
    return pointer, "unsupported_body_format" if pointer == UNSUPPORTED else code


def _pointer(path: str) -> str:
    """RFC 6901, of indexes and our own field names; a path that holds any other name was written by the caller, and is nobody's place."""
    steps = [(step["name"], step["index"]) for step in STEP.finditer(path)]
    if any(name and name not in FIELD_NAMES for name, _ in steps):
        return ""
    return "".join(f"/{name or index}" for name, index in steps)
