"""Dialogue: the state machine alone, without a socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.contracts.mail import Account, Envelope, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase
from workers.smtp.dialogue import AskFence, Command, Dialogue, Event, Listen, Read, Write, WriteBody
from workers.smtp.replies import local

TOLD = Envelope("me@example.org", (("a@example.org", (0, 2)), ("b@example.org", (1,))))
PLAIN = Account(host="mail.example.org", port=587, tls=Tls.NONE)
YES = True
TO_DATA = (b"220 a\r\n", b"250 a\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")


def dialogue(account: Account = PLAIN) -> Dialogue:
    return Dialogue(b"x\r\n", TOLD, account, "beampost.invalid")


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


def test_before_the_dot_come_the_body_a_quiet_line_and_the_fence() -> None:
    machine = dialogue()
    assert fed(machine, *TO_DATA)[-1] == WriteBody()
    assert follow(machine, None, None, YES, None) == [Listen(), AskFence(frozenset({0, 1, 2})), Listen(), Write(b".\r\n")]
    assert machine.phase is SmtpPhase.DOT
    assert follow(machine, None, b"250 ok\r\n", None) == [Read(), Write(b"QUIT\r\n"), None]
    assert machine.outcome == Outcome(dict.fromkeys((0, 1, 2), Fate.ACCEPTED))


def test_nothing_after_the_answer_to_the_dot_changes_the_outcome() -> None:
    machine = dialogue()
    fed(machine, *TO_DATA)
    follow(machine, None, None, YES, None, None, b"250 ok\r\n")
    assert machine.time_out() == machine.give_up(local(FailureClass.INTERNAL_ERROR)) == Outcome(dict.fromkeys((0, 1, 2), Fate.ACCEPTED))


def test_what_is_said_with_the_leave_to_go_on_ends_it_before_the_dot() -> None:
    machine = dialogue()
    fed(machine, *TO_DATA[:-1], b"354 go\r\n421 4.3.0 closing\r\n")
    assert follow(machine, None, None) == [Listen(), None]
    assert machine.outcome == Outcome(
        dict.fromkeys((0, 1, 2), Fate.PENDING), Failure(FailureClass.MESSAGE_TEMPORARY, SmtpPhase.BODY, 421, "4.3.0", permanent=False)
    )


def test_an_answer_nobody_asked_for_is_not_taken_for_the_next() -> None:
    machine = dialogue()
    assert fed(machine, b"220 a\r\n250 a\r\n") == [Read()]
    assert machine.outcome == Outcome(
        dict.fromkeys((0, 1, 2), Fate.PENDING), Failure(FailureClass.PROTOCOL_ERROR, SmtpPhase.EHLO, permanent=False)
    )


@pytest.mark.parametrize(("port", "failure_class"), [(465, FailureClass.TLS_MODE_MISMATCH), (587, FailureClass.BANNER_TIMEOUT)])
def test_a_silent_banner_at_a_tls_port_is_the_wrong_mode(port: int, failure_class: FailureClass) -> None:
    machine = dialogue(Account(host="mail.example.org", port=port, tls=Tls.STARTTLS))
    fed(machine)
    failure = machine.time_out().failure
    assert failure is not None
    assert failure.failure_class is failure_class


def test_each_recipient_has_its_own_time() -> None:
    machine = dialogue()
    fed(machine, *TO_DATA[:3])
    before = machine.waiting_for
    fed_more = follow(machine, b"250 ok\r\n")
    assert (fed_more, before, machine.waiting_for) == ([Write(b"RCPT TO:<b@example.org>\r\n")], (SmtpPhase.RCPT, 0), (SmtpPhase.RCPT, 2))


@given(
    st.lists(
        st.sampled_from(
            [
                b"220 a\r\n",
                b"250 ok\r\n",
                b"250-PIPELINING\r\n250 x\r\n",
                b"354 go\r\n",
                b"421 no\r\n",
                b"450 no\r\n",
                b"550 no\r\n",
                b"x\r\n",
                b"2",
                b"",
            ]
        )
    )
)
def test_whatever_a_server_says_every_recipient_has_a_fate_and_no_dot_goes_without_the_fence(said: list[bytes]) -> None:
    machine, asked = dialogue(), False
    event: Event = None
    pieces = iter(said)
    while (command := machine.step(event)) is not None:
        event = None
        if isinstance(command, Write):
            assert asked or command.data != b".\r\n"
        elif isinstance(command, Read):
            event = next(pieces, b"")
        elif isinstance(command, AskFence):
            asked = event = True
    assert machine.outcome is not None
    assert machine.outcome.fates.keys() == TOLD.indexes
    assert Fate.IN_FLIGHT not in machine.outcome.fates.values()
