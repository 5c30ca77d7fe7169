"""Replies: what is a reply at all, and what each means where it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.contracts.outcome import Failure, FailureClass, Reply, SmtpPhase
from workers.smtp.reader import Garbled, ReplyReader, extensions
from workers.smtp.replies import classify, silence, wait_hint_seconds


def read(data: bytes) -> list[Reply]:
    reader = ReplyReader()
    reader.feed(data)
    replies = []
    while (reply := reader.next_reply()) is not None:
        replies.append(reply)
    return replies


MEANINGS = """
banner 421 4.3.2 too many concurrent connections     | rate_limited        pending
banner 421 Service not available                     | server_busy         pending
banner 554 no                                        | server_refused      final
banner 554 too busy, try again later                 | server_busy         pending
ehlo   502 5.5.1 what                                | protocol_error      pending
tls    454 4.7.0 no                                  | tls_refused         pending
tls    554 5.7.3 no                                  | tls_refused         final
auth   535 5.7.8 no                                  | auth_rejected       final
auth   535 5.7.3 no                                  | auth_rejected       final
auth   535 no                                        | auth_rejected       final
auth   534 5.7.9 Application-specific password needed| auth_app_password   final
auth   535 5.7.139 SmtpClientAuthentication disabled | auth_disabled       final
auth   550 5.7.30 basic authentication is not there  | auth_disabled       final
auth   504 5.5.4 unknown mechanism                   | auth_mechanism      final
auth   530 5.7.0 sign in elsewhere first             | auth_required       final
auth   454 4.7.0 temporary authentication failure    | auth_temporary      pending
auth   454 4.7.0 too many login attempts             | rate_limited        pending
auth   421 4.7.0 closing                             | auth_temporary      pending
auth   334 more                                      | protocol_error      pending
mail   530 5.7.0 Must issue a STARTTLS command first | tls_mode_mismatch   final
mail   530 5.7.57 Client not authenticated           | auth_disabled       final
mail   530 5.7.0 Authentication required             | auth_required       final
mail   421 4.3.0 closing                             | server_busy         pending
mail   432 4.3.2 thread limit                        | rate_limited        pending
mail   450 4.7.1 rate limit                          | rate_limited        pending
mail   451 4.1.8 no                                  | sender_temporary    pending
mail   550 5.4.5 Daily sending quota                 | quota_exceeded      final
mail   552 5.2.2 over quota                          | quota_exceeded      final
mail   552 5.3.4 too large                           | message_too_large   final
mail   550 5.7.60 no                                 | sender_refused      final
mail   554 5.2.252 SendAsDenied                      | sender_refused      final
mail   553 5.7.1 Sender address rejected: not owned by user jane | sender_refused final
rcpt   553 5.7.1 <a@b>: Sender address rejected: not owned by user c | sender_refused final
rcpt   553 5.7.1 <a@b>: Sender address rejected: not logged in | sender_refused  final
rcpt   554 5.7.1 <a@b>: Recipient address rejected: no | recipient_refused    final
rcpt   450 4.1.8 <a@b>: Sender address rejected: Domain not found | recipient_temporary pending
reply  554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied | sender_refused final
reply  550 5.7.60 SMTP; Client does not have permissions to send as this sender | sender_refused final
reply  554 Message rejected: Email address is not verified. | sender_refused      final
mail   503 5.5.1 order                               | protocol_error      pending
rcpt   550 no                                        | recipient_unknown   final
rcpt   550 5.1.1 no                                  | recipient_unknown   final
rcpt   550 5.7.1 no                                  | recipient_refused   final
rcpt   550 relay not permitted                       | recipient_refused   final
rcpt   550 5.1.1 <a@b>: User unknown in relay recipient table | recipient_unknown final
mail   500 5.3.0 what                                | protocol_error      pending
rcpt   550 4.2.1 digits disagree                     | recipient_unknown   final
rcpt   501 5.1.3 syntax                              | recipient_unknown   final
rcpt   501 syntax                                    | recipient_refused   final
rcpt   503 5.5.1 order                               | protocol_error      pending
rcpt   452 4.5.3 enough                              | too_many_recipients pending
rcpt   452 enough                                    | too_many_recipients pending
rcpt   552 enough                                    | too_many_recipients pending
rcpt   452 4.2.2 full                                | mailbox_full        pending
rcpt   552 5.2.2 full                                | mailbox_full        final
rcpt   452 4.3.1 no room                             | recipient_temporary pending
rcpt   450 4.2.0 Greylisted                          | greylisted          pending
rcpt   451 4.7.1 please wait                         | greylisted          pending
rcpt   450 4.7.1 too many messages, slow down        | rate_limited        pending
rcpt   450 4.1.1 no                                  | recipient_temporary pending
rcpt   421 4.3.0 closing                             | server_busy         pending
data   451 4.7.1 Greylisted                          | greylisted          pending
data   554 5.5.1 no valid recipients                 | protocol_error      pending
reply  552 5.3.4 too large                           | message_too_large   final
reply  552 too large                                 | message_too_large   final
reply  552 5.7.0 blocked                             | content_rejected    final
reply  554 5.2.0 daily limit                         | quota_exceeded      final
reply  554 5.7.1 spam                                | content_rejected    final
reply  550 5.6.7 no                                  | smtputf8_unsupported final
reply  451 4.3.0 later                               | message_temporary   pending
reply  599 odd                                       | content_rejected    final
"""


@pytest.mark.parametrize("line", MEANINGS.strip().splitlines())
def test_a_reply_means_what_the_table_says(line: str) -> None:
    said, _, meant = line.partition("|")
    phase, text = said.strip().split(maxsplit=1)
    failure = classify(SmtpPhase(phase), read(text.encode() + b"\r\n")[0])
    assert [failure.failure_class, "final" if failure.permanent else "pending"] == meant.split()


def test_only_closed_facts_of_a_reply_go_on() -> None:
    reply = Reply(450, "4.2.0", ("4.2.0 <you@example.org> Greylisted, try again in 5 minutes",))
    assert classify(SmtpPhase.RCPT, reply) == Failure(
        FailureClass.GREYLISTED, SmtpPhase.RCPT, 450, "4.2.0", permanent=False, wait_hint_seconds=300
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("try again in 5 minutes", 300),
        ("retry after 30s", 30),
        ("wait 1 hour", 3600),
        ("in 99999 hours", 86_400),
        ("later", None),
        ("in 5 apples", None),
    ],
)
def test_a_wait_hint_is_read_where_it_names_a_unit(text: str, seconds: int | None) -> None:
    assert wait_hint_seconds(text) == seconds


def test_replies_are_read_one_by_one() -> None:
    assert read(b"250-2.1.0 a\r\n250 b\r\n354\r\n5") == [Reply(250, "2.1.0", ("2.1.0 a", "b")), Reply(354, None, ("",))]


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"150 ok\r\n",
        b"650 ok\r\n",
        b"250-a\r\n251 b\r\n",
        b"2" * 70_000,
        b"250-a\r\n" * 101,
        b"\xff\xfe\n",
    ],
)
def test_what_is_no_reply_is_garbled(data: bytes) -> None:
    with pytest.raises(Garbled):
        read(data)


@given(st.binary(max_size=300), st.integers(1, 20))
def test_any_bytes_however_cut_read_the_same_or_are_garbled(data: bytes, size: int) -> None:
    def pieces() -> list[Reply] | None:
        reader, replies = ReplyReader(), []
        try:
            for start in range(0, len(data), size):
                reader.feed(data[start : start + size])
                while (reply := reader.next_reply()) is not None:
                    replies.append(reply)
        except Garbled:
            return None
        return replies

    try:
        whole: list[Reply] | None = read(data)
    except Garbled:
        whole = None
    assert pieces() == whole


def test_extensions_are_keywords_with_parameters() -> None:
    reply = Reply(250, None, ("me", "AUTH PLAIN", "auth=LOGIN", "Size 10", ""))
    assert extensions(reply) == {"AUTH": frozenset({"PLAIN", "LOGIN"}), "SIZE": frozenset({"10"}), "": frozenset()}


@pytest.mark.parametrize(
    ("phase", "timed_out", "failure_class"),
    [
        (SmtpPhase.BANNER, True, FailureClass.BANNER_TIMEOUT),
        (SmtpPhase.BANNER, False, FailureClass.CONNECTION_LOST),
        (SmtpPhase.TLS, True, FailureClass.TLS_HANDSHAKE),
        (SmtpPhase.AUTH, False, FailureClass.AUTH_TEMPORARY),
        (SmtpPhase.MAIL, True, FailureClass.TIMEOUT),
        (SmtpPhase.BODY, False, FailureClass.CONNECTION_LOST),
        (SmtpPhase.DOT, True, FailureClass.OUTCOME_UNKNOWN),
    ],
)
def test_silence_means_something_by_phase(phase: SmtpPhase, timed_out: bool, failure_class: FailureClass) -> None:  # noqa: FBT001 -- a column
    assert silence(phase, timed_out=timed_out).failure_class is failure_class
