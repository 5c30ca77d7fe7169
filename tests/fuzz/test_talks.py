"""Talks: whatever a server says, in whatever mode, a talk ends, with a fate for everybody, and nothing is said that must not be."""

import itertools
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatcher.contracts.mail import PasswordAuth, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, SmtpPhase
from tests.fuzz.talks import AUTHS, CODES, EXTENSIONS, MECHANISMS, ODD_EXTENSIONS, ODDITIES, SAYINGS, Conversation, More, Setting, reply

LINES: Final = st.lists(st.lists(st.sampled_from(SAYINGS), max_size=4).map(b"".join), min_size=1, max_size=3)
REPLIES: Final = st.tuples(st.sampled_from(CODES), LINES).map(lambda drawn: reply(*drawn))
ODD: Final = st.lists(st.sampled_from(ODDITIES) | st.binary(max_size=30), min_size=1, max_size=5).map(b"".join)
SAID: Final = st.lists(
    st.sampled_from((True, True, True, False)).flatmap(lambda polite: st.none() if polite else REPLIES | REPLIES.map(More) | ODD),
    max_size=25,
)
OFFERS: Final = st.lists(st.sampled_from(EXTENSIONS + ODD_EXTENSIONS), unique=True).map(tuple) | st.just(EXTENSIONS)
SETTINGS: Final = st.builds(
    Setting,
    tls=st.sampled_from(Tls),
    auth=st.sampled_from(AUTHS),
    mechanism=st.sampled_from(MECHANISMS),
    offers=OFFERS,
    chunking=st.booleans(),
    secures=st.sampled_from((True, True, True, False)),
    grants=st.sampled_from((True, True, True, False)),
)
ENDLESS_SIZE: Final = b"250 SIZE " + b"9" * 5000 + b"\r\n"


@settings(max_examples=1500, deadline=None)
@given(SETTINGS, SAID)
@example(Setting(), [None, b"250-server\r\n" + ENDLESS_SIZE])
@example(Setting(), [None, None, "450 wait 5 \u017f\r\n".encode()])
def test_nothing_is_said_that_must_not_be_and_everybody_has_a_fate(setting: Setting, said: list[bytes | None]) -> None:
    Conversation(setting, said).play()


@pytest.mark.parametrize("auth", AUTHS, ids=lambda auth: type(auth).__name__)
@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
@pytest.mark.parametrize("mechanism", MECHANISMS[:3])
@pytest.mark.parametrize("chunking", [False, True])
def test_a_server_in_order_accepts_twice(auth: object, tls: Tls, mechanism: str, chunking: bool) -> None:  # noqa: FBT001 -- a way
    talk = Conversation(Setting(tls, auth, mechanism, chunking=chunking), itertools.repeat(None, 100))
    assert (talk.play(), [set(dialogue.outcome.fates.values()) for dialogue in talk.dialogues]) == (None, [{Fate.ACCEPTED}] * 2)


def test_a_server_that_does_not_know_the_password_is_not_believed() -> None:
    talk = Conversation(Setting(Tls.IMPLICIT, PasswordAuth(user="user", password="secret"), "SCRAM-SHA-256"), itertools.repeat(None, 100))
    assert talk.play() == Failure(FailureClass.PROTOCOL_ERROR, SmtpPhase.AUTH, permanent=False)
    assert [line.split()[0] for line in talk.lines[:2]] == [b"EHLO", b"AUTH"]
