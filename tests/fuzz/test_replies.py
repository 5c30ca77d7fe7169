"""Replies: whatever comes off the wire is read within bounds, and means something."""

import time
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatcher.contracts.outcome import Reply, SmtpPhase
from tests.fuzz.talks import CODES, ODDITIES, SAYINGS, assert_closed
from workers.smtp.reader import MAX_REPLY_BYTES, MAX_REPLY_LINES, Garbled, ReplyReader
from workers.smtp.replies import classify

WORDS: Final = (
    *"rate throttled too many fast frequent slow down limit quota was has been exceeded concurrent daily sending sender address".split(),
    *"not allowed owned by verified send as this user mailbox full over STARTTLS authentication required application specific".split(),
    *"password recipients greylisted try again later in for after wait about at least 5 30s 1 hour minutes s m h 99999".split(),
    *("\u017f", "\u0130", "\u212a", "\ufffd"),
)
SAID: Final = st.lists(st.sampled_from(ODDITIES + SAYINGS) | st.binary(max_size=20), max_size=40)
TEXTS: Final = st.lists(st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=12).map(" ".join), min_size=1, max_size=3)
SMTP_CODES: Final = st.sampled_from(CODES) | st.integers(200, 599)
ENHANCED: Final = st.none() | st.from_regex(r"[245]\.[0-7]\.(?:[0-9]|30|57|60|139|252)", fullmatch=True)


def heard(pieces: list[bytes]) -> tuple[list[Reply], bool]:
    """The replies, and whether what came after them was garbled."""
    reader, replies = ReplyReader(), []
    try:
        for piece in pieces:
            reader.feed(piece)
            while (reply := reader.next_reply()) is not None:
                replies.append(reply)
    except Garbled:
        return replies, True
    return replies, False


@settings(max_examples=300, deadline=None)
@given(SAID, st.integers(1, 5000))
def test_replies_are_the_same_however_they_were_cut(said: list[bytes], size: int) -> None:
    data = b"".join(said)
    whole = heard([data])
    assert heard(said) == whole
    assert heard([data[start : start + size] for start in range(0, len(data), size)]) == whole
    for reply in whole[0]:
        assert (200 <= reply.code <= 599, 1 <= len(reply.text) <= MAX_REPLY_LINES) == (True, True)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from((b"220-x\r\n", b"220-\r\n", b"220-\n", b"220", b"220 x", b"\0", b"250-" + b"x" * 997 + b"\r\n")), st.integers(1, 3000)
)
def test_what_has_no_end_is_garbled_before_more_than_a_piece_too_much_is_held(endless: bytes, size: int) -> None:
    piece = endless * size
    fed, replies, garbled = 0, [], False
    reader = ReplyReader()
    while not garbled and fed <= 2 * (MAX_REPLY_BYTES + len(piece)):
        reader.feed(piece)
        fed += len(piece)
        try:
            replies.append(reader.next_reply())
        except Garbled:
            garbled = True
    assert (garbled, set(replies) <= {None}, fed <= MAX_REPLY_BYTES + len(piece)) == (True, True, True)


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(SmtpPhase), SMTP_CODES, ENHANCED, TEXTS)
@example(SmtpPhase.RCPT, 450, None, ["try again in 5 \u017f"])
def test_every_reply_means_something_that_is_no_fault_of_ours(phase: SmtpPhase, code: int, enhanced: str | None, text: list[str]) -> None:
    failure = assert_closed(classify(phase, Reply(code, enhanced, tuple(text))))
    assert (failure.phase, failure.smtp_code) == (phase, code)
    assert failure.permanent <= (code >= 500)
    assert failure.enhanced_code in {None, enhanced}
    assert classify(phase, Reply(code, enhanced, tuple(text))) == failure


def test_every_phase_has_a_meaning_for_every_code() -> None:
    for phase in SmtpPhase:
        for code in range(200, 600):
            assert_closed(classify(phase, Reply(code)))


def seconds(work: Callable[[], object]) -> float:
    begin = time.thread_time()
    work()
    return time.thread_time() - begin


@pytest.mark.parametrize("word", sorted({*WORDS, " ", "in ", "wait about ", "exceeded l", "sender address is "}))
def test_the_longest_reply_is_understood_in_no_time(word: str) -> None:
    """The loop stands still meanwhile, for every job of the process."""
    text = (f"{word} " * MAX_REPLY_BYTES)[:MAX_REPLY_BYTES]
    assert max(seconds(lambda code=code: classify(SmtpPhase.RCPT, Reply(code, None, (text,)))) for code in (450, 550)) < 0.5
