"""Dialogue: the state machine alone, without a socket."""

from collections.abc import Iterable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.contracts.mail import Envelope
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase
from workers.smtp.dialogue import Dialogue
from workers.smtp.replies import local
from workers.smtp.speech import AskFence, Command, Event, Listen, Read, Speech, Write, WriteBody

TOLD = Envelope("me@example.org", (("a@example.org", (0, 2)), ("b@example.org", (1,))))
YES = True
TO_DATA = (b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")
MESSAGE: Final = b"x: y\r\n\r\nz\r\n"
SAID: Final = st.lists(
    st.sampled_from([b"250 ok\r\n", b"250-x\r\n250 y\r\n", b"354 go\r\n", b"421 no\r\n", b"450 no\r\n", b"550 no\r\n", b"x\r\n", b"2", b""])
)


def dialogue(*offered: str, message: bytes = MESSAGE, reused: bool = False, chunking: bool = False) -> Dialogue:
    speech = Speech()
    speech.extensions = {word.partition(" ")[0]: frozenset(word.split()[1:]) for word in offered}
    return Dialogue(speech, message, TOLD, reused=reused, chunking=chunking)


def fed(machine: Dialogue, *pieces: bytes) -> list[Command]:
    """Every command until the pieces are used up or the machine wants something else than bytes."""
    waiting, commands, event = list(pieces), [], None
    while (command := machine.step(event)) is not None:
        commands.append(command)
        if not isinstance(command, Read | Write) or (isinstance(command, Read) and not waiting):
            break
        event = waiting.pop(0) if isinstance(command, Read) else None
    return commands


def follow(machine: Dialogue, *events: Event) -> list[Command | None]:
    return [machine.step(event) for event in events]


def written(commands: Iterable[Command | None]) -> list[bytes]:
    return [command.data for command in commands if isinstance(command, Write)]


def everybody(fate: Fate, failure: Failure | None = None) -> Outcome:
    return Outcome(dict.fromkeys((0, 1, 2), fate), failure)


def test_before_the_dot_come_the_body_a_quiet_line_and_the_fence() -> None:
    machine = dialogue()
    assert fed(machine, *TO_DATA)[-1] == WriteBody()
    assert follow(machine, None, None, YES, None) == [Listen(), AskFence(frozenset({0, 1, 2})), Listen(), Write(b".\r\n")]
    assert machine.speech.phase is SmtpPhase.DOT
    assert follow(machine, None, b"250 ok\r\n") == [Read(), None]
    assert (machine.ended, machine.outcome, machine.speech.orderly) == (True, everybody(Fate.ACCEPTED), True)


def test_nothing_after_the_answer_to_the_dot_changes_the_outcome() -> None:
    machine = dialogue()
    fed(machine, *TO_DATA)
    follow(machine, None, None, YES, None, None, b"250 ok\r\n")
    machine.time_out()
    machine.give_up(local(FailureClass.INTERNAL_ERROR))
    assert (machine.outcome, machine.step(b"550 no\r\n")) == (everybody(Fate.ACCEPTED), None)


def test_what_is_said_with_the_leave_to_go_on_ends_it_before_the_dot() -> None:
    machine = dialogue()
    assert fed(machine, *TO_DATA[:-1], b"354 go\r\n421 4.3.0 closing\r\n")[-1] == WriteBody()
    assert follow(machine, None, None) == [Listen(), None]
    assert machine.outcome == everybody(
        Fate.PENDING, Failure(FailureClass.MESSAGE_TEMPORARY, SmtpPhase.BODY, 421, "4.3.0", permanent=False)
    )
    assert not machine.speech.orderly


def test_an_answer_nobody_asked_for_is_not_taken_for_the_next() -> None:
    machine = dialogue()
    assert fed(machine, b"250 ok\r\n250 ok\r\n") == [Write(b"MAIL FROM:<me@example.org>\r\n"), Read()]
    assert machine.outcome == everybody(Fate.PENDING, Failure(FailureClass.PROTOCOL_ERROR, SmtpPhase.RCPT, permanent=False))


def test_each_recipient_has_its_own_time() -> None:
    machine = dialogue()
    fed(machine, TO_DATA[0])
    before = machine.waiting_for
    fed_more = follow(machine, b"250 ok\r\n")
    assert (fed_more, before, machine.waiting_for) == ([Write(b"RCPT TO:<b@example.org>\r\n")], (SmtpPhase.RCPT, 0), (SmtpPhase.RCPT, 2))


def test_where_pipelining_is_offered_all_up_to_data_is_one_flight() -> None:
    flight = b"MAIL FROM:<me@example.org>\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"
    assert written(fed(dialogue("PIPELINING"), b"".join(TO_DATA))) == [flight]
    assert written(fed(dialogue("PIPELINING", reused=True), b"250 reset\r\n", b"".join(TO_DATA))) == [b"RSET\r\n" + flight]


@pytest.mark.parametrize("offered", [(), ("PIPELINING",)])
@pytest.mark.parametrize("said", [b"", b"421 bye\r\n", b"500 what\r\n", b"garbage\r\n"])
def test_a_reused_connection_that_is_of_no_use_is_stale_before_mail(offered: tuple[str, ...], said: bytes) -> None:
    machine = dialogue(*offered, reused=True)
    fed(machine, said)
    assert (machine.ended, machine.stale, machine.outcome.fates.keys()) == (True, True, TOLD.indexes)


def test_a_server_that_closes_at_mail_after_a_reset_is_of_no_use_either() -> None:
    machine = dialogue(reused=True)
    fed(machine, b"250 reset\r\n", b"421 4.3.0 bye\r\n")
    assert (machine.ended, machine.stale) == (True, True)


def test_a_recipient_that_the_server_did_not_understand_ends_it_for_all() -> None:
    machine = dialogue()
    fed(machine, b"250 ok\r\n", b"250 ok\r\n", b"503 5.5.1 what\r\n")
    assert machine.outcome == everybody(Fate.PENDING, Failure(FailureClass.PROTOCOL_ERROR, SmtpPhase.RCPT, 503, "5.5.1", permanent=False))


def test_a_connection_is_not_stale_once_the_sender_was_judged() -> None:
    for said in (b"250 ok\r\n550 no\r\n", b"250 ok\r\n250 ok\r\n"):
        machine = dialogue("PIPELINING", reused=True)
        fed(machine, said, b"")
        assert (machine.ended, machine.stale) == (True, False)


def test_a_new_connection_is_never_stale() -> None:
    machine = dialogue()
    fed(machine, b"")
    assert (machine.ended, machine.stale) == (True, False)


def test_resetting_has_a_time_of_its_own() -> None:
    machine = dialogue(reused=True)
    assert fed(machine) == [Write(b"RSET\r\n"), Read()]
    before = (machine.resetting, machine.waiting_for)
    assert follow(machine, b"250 ok\r\n") == [Write(b"MAIL FROM:<me@example.org>\r\n")]
    assert (before, machine.resetting, machine.waiting_for) == ((True, (SmtpPhase.MAIL, -1)), False, (SmtpPhase.MAIL, 0))


def test_by_chunks_the_last_one_is_empty_and_stands_behind_the_fence() -> None:
    machine = dialogue("CHUNKING", "PIPELINING", chunking=True)
    said = fed(machine, b"".join(TO_DATA[:3]))
    assert (written(said)[1:], said[-1]) == ([b"BDAT 11\r\n"], WriteBody(stuffed=False))
    assert follow(machine, YES, b"250 got it\r\n") == [Read(), AskFence(frozenset({0, 1, 2}))]
    assert follow(machine, YES, None) == [Listen(), Write(b"BDAT 0 LAST\r\n")]
    assert (machine.speech.phase, follow(machine, None, b"250 ok\r\n")) == (SmtpPhase.DOT, [Read(), None])
    assert machine.outcome == everybody(Fate.ACCEPTED)


def test_a_refused_chunk_is_refused_content() -> None:
    machine = dialogue("CHUNKING", chunking=True)
    fed(machine, *TO_DATA[:3])
    assert follow(machine, YES, b"554 5.6.0 no\r\n") == [Read(), None]
    assert machine.outcome == everybody(Fate.REFUSED, Failure(FailureClass.CONTENT_REJECTED, SmtpPhase.BODY, 554, "5.6.0"))
    assert machine.speech.orderly


@pytest.mark.parametrize(("said", "failure_class"), [(b"250 got it\r\n", "protocol_error"), (b"554 5.6.0 no\r\n", "content_rejected")])
def test_a_chunk_that_was_answered_before_it_was_written_is_never_committed(said: bytes, failure_class: str) -> None:
    machine = dialogue("CHUNKING", chunking=True)
    fed(machine, *TO_DATA[:3])
    assert follow(machine, not YES, said) == [Read(), None]
    assert machine.outcome.failure
    assert (machine.outcome.failure.failure_class, machine.speech.orderly) == (failure_class, False)


def test_chunks_are_not_for_servers_that_do_not_offer_them() -> None:
    assert written(fed(dialogue(chunking=True), *TO_DATA))[-1] == b"DATA\r\n"


@pytest.mark.parametrize(
    ("offered", "message", "line"),
    [
        (("SIZE 1000",), MESSAGE, b"MAIL FROM:<me@example.org> SIZE=11\r\n"),
        (("SIZE",), MESSAGE, b"MAIL FROM:<me@example.org> SIZE=11\r\n"),
        (("SIZE 0",), MESSAGE, b"MAIL FROM:<me@example.org> SIZE=11\r\n"),
        (("SIZE " + "9" * 5000,), MESSAGE, b"MAIL FROM:<me@example.org> SIZE=11\r\n"),
        (("8BITMIME",), b"a: b\r\n\r\n\xc3\xa4\r\n", b"MAIL FROM:<me@example.org> BODY=8BITMIME\r\n"),
        (("8BITMIME", "SMTPUTF8"), b"a: b\r\n\r\nc\r\n", b"MAIL FROM:<me@example.org>\r\n"),
        (("8BITMIME", "SMTPUTF8"), b"a: \xc3\xa4\r\n\r\nc\r\n", b"MAIL FROM:<me@example.org> BODY=8BITMIME SMTPUTF8\r\n"),
    ],
)
def test_mail_says_what_the_message_needs(offered: tuple[str, ...], message: bytes, line: bytes) -> None:
    assert written(fed(dialogue(*offered, message=message))) == [line]


@pytest.mark.parametrize(
    ("offered", "message", "failure_class"),
    [
        (("SIZE 10",), MESSAGE, FailureClass.MESSAGE_TOO_LARGE),
        ((), b"a: b\r\n\r\n\xc3\xa4\r\n", FailureClass.CONTENT_REJECTED),
        (("8BITMIME",), b"a: \xc3\xa4\r\n\r\nc\r\n", FailureClass.SMTPUTF8_UNSUPPORTED),
    ],
)
def test_what_a_server_cannot_take_is_not_said_to_it(offered: tuple[str, ...], message: bytes, failure_class: FailureClass) -> None:
    machine = dialogue(*offered, message=message)
    assert (fed(machine), machine.outcome.failure) == ([], Failure(failure_class, SmtpPhase.MAIL))


@given(SAID, st.sets(st.sampled_from(("PIPELINING", "CHUNKING", "reused"))))
def test_whatever_a_server_says_every_recipient_has_a_fate_and_no_dot_goes_without_the_fence(said: list[bytes], so: set[str]) -> None:
    machine, asked = dialogue(*so, reused="reused" in so, chunking=True), False
    event: Event = None
    pieces = iter(said)
    while (command := machine.step(event)) is not None:
        event = None
        if isinstance(command, Write):
            assert asked or command.data not in {b".\r\n", b"BDAT 0 LAST\r\n"}
        elif isinstance(command, Read):
            event = next(pieces, b"")
        elif isinstance(command, WriteBody):
            event = True
        elif isinstance(command, AskFence):
            asked = event = True
    assert machine.ended
    assert machine.outcome.fates.keys() == TOLD.indexes
    assert Fate.IN_FLIGHT not in machine.outcome.fates.values()
    assert Fate.UNCONFIRMED not in machine.outcome.fates.values() or asked
