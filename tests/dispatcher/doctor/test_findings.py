"""Findings: in order of how bad they are, and what is the same of both programs once."""

from dataclasses import replace

from dispatcher.doctor.findings import green, merged, red, unknown, yellow


def test_the_worst_comes_first() -> None:
    told = [green("a", "s"), unknown("b", "s", "c"), yellow("d", "s", "c"), red("e", "s", "c")]
    assert [finding.name for finding in merged(told)] == ["e", "d", "b", "a"]


def test_what_is_the_same_of_both_programs_is_told_once() -> None:
    both, one = green("swap", "none"), yellow("callers", "nobody", "cure")
    found = [replace(finding, of=role) for role in ("api", "worker") for finding in (both, one) if role == "api" or finding is both]
    assert merged(found) == [replace(one, of="api"), both]


def test_what_differs_between_the_programs_is_told_of_each() -> None:
    found = [replace(green("redis rights", "right"), of="worker"), replace(yellow("redis rights", "too much", "cure"), of="api")]
    assert merged(found) == found[::-1]
