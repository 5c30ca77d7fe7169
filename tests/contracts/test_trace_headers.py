"""Trace headers: what is valid is continued, what is not is as if it were not there."""

import pytest

from dispatcher.contracts.trace_headers import Caller

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
FORGE = {"x-b3-traceid": TRACE, "x-b3-spanid": SPAN}


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": f"00-{TRACE}-{SPAN}-01"},
        {"traceparent": f"01-{TRACE}-{SPAN}-03-more"},
        {"b3": f"{TRACE}-{SPAN}-1"},
        {"b3": f"{TRACE}-{SPAN}-d-{SPAN}"},
        {"b3": f"{TRACE}-{SPAN}"},
        FORGE | {"x-b3-sampled": "1"},
        FORGE | {"x-b3-sampled": "true"},
        FORGE | {"x-b3-flags": "1"},
        FORGE,
        FORGE | {"traceparent": "of somebody else"},
        FORGE | {"traceparent": f"00-{32 * '0'}-{SPAN}-01"},
        FORGE | {"b3": "of somebody else"},
        FORGE | {"b3": f"{32 * '0'}-{SPAN}-0"},
    ],
)
def test_a_trace_is_continued(headers: dict[str, str]) -> None:
    assert Caller.of(headers) == Caller(TRACE, SPAN)


def test_a_short_trace_of_b3_is_filled_with_zeros() -> None:
    assert Caller.of({"b3": f"{SPAN}-{SPAN}-1"}) == Caller(16 * "0" + SPAN, SPAN)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"traceparent": f"00-{TRACE}-{SPAN}-00"},
        {"traceparent": f"00-{TRACE}-{SPAN}-00", "b3": f"{TRACE}-{SPAN}-1"},
        {"traceparent": f"ff-{TRACE}-{SPAN}-01"},
        {"traceparent": f"00-{TRACE.upper()}-{SPAN}-01"},
        {"traceparent": f"00-{32 * '0'}-{SPAN}-01"},
        {"traceparent": f"00-{TRACE}-{16 * '0'}-01"},
        {"traceparent": f"00-{TRACE}-{SPAN}-01\n"},
        {"traceparent": f"00-{TRACE}-{SPAN}-01-more"},
        {"b3": "0"},
        FORGE | {"b3": "0"},
        {"b3": f"{TRACE}-{SPAN}-0"},
        {"b3": f"{TRACE}-jane@example.com-1"},
        FORGE | {"x-b3-sampled": "0"},
        FORGE | {"x-b3-sampled": "jane@example.com"},
        {"x-b3-traceid": TRACE},
    ],
)
def test_nothing_is_continued(headers: dict[str, str]) -> None:
    assert Caller.of(headers) is None


def test_what_is_written_is_read() -> None:
    assert Caller.read(str(Caller(TRACE, SPAN))) == Caller(TRACE, SPAN)
    assert Caller.read("") is None
    assert Caller.read(f"{TRACE}-jane") is None
