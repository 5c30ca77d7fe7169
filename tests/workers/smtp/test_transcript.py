"""Transcript: what was said of one message, on the connection that it went over, and nothing of any other."""

from dispatcher.contracts.outcome import Reply, SmtpPhase
from tests.workers.smtp.scripted import Heard
from tests.workers.smtp.test_pool import ACCEPTED, LIMITS, MAIL, RESET, account, envelope, kept, mailed
from tests.workers.smtp.test_session import MESSAGE, granted
from workers.smtp.pool import Pool
from workers.smtp.transcript import MOST_CHARACTERS, MOST_REPLIES, ROOM_CHARACTERS, Attempt, Transcript

OPENED = ["banner", "ehlo", "auth"]
HANDED_OVER = ["mail", "rcpt", "data", "dot"]


async def noted(pool: Pool, port: int) -> Transcript:
    transcript = Transcript()
    attempt = Attempt(1, transcript)
    assert await pool.transmit(MESSAGE, envelope(), account(port), fence=granted, limits=LIMITS, attempt=attempt) == ACCEPTED
    return transcript


def phases(transcript: Transcript) -> list[str]:
    return [str(said.phase) for said in transcript.replies]


def test_each_message_on_a_connection_has_its_own() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        first = await noted(pool, heard.port)
        second = await noted(pool, heard.port)
        assert (phases(first), phases(second)) == (OPENED + HANDED_OVER, ["mail", *HANDED_OVER])
        assert {(one.host, one.port, one.tls_version) for one in (first, second)} == {("127.0.0.1", heard.port, "TLSv1.3")}

    kept(story, *MAIL, *RESET, *MAIL)


def test_what_is_said_of_the_next_message_is_not_noted_where_nobody_asks_for_it() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        first = await noted(pool, heard.port)
        assert await mailed(pool, account(heard.port)) == ACCEPTED
        assert phases(first) == OPENED + HANDED_OVER

    kept(story, *MAIL, *RESET, *MAIL)


def test_of_a_connection_that_was_dead_nothing_is_left() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        assert await mailed(pool, account(heard.port)) == ACCEPTED
        second = await noted(pool, heard.port)
        assert (phases(second), heard.connections) == (OPENED + HANDED_OVER, 2)

    kept(story, *MAIL, "C: RSET", "S: 421 gone")


def test_a_transcript_shows_nothing_of_itself_and_does_not_grow_without_end() -> None:
    transcript = Transcript()
    for _ in range(MOST_REPLIES + 1):
        transcript.note(SmtpPhase.RCPT, Reply(250, None, ("max@example.org", MOST_CHARACTERS * "x")))
    assert (len(transcript.replies), len(transcript.replies[0].text)) == (MOST_REPLIES, MOST_CHARACTERS)
    assert sum(len(said.text) for said in transcript.replies) == ROOM_CHARACTERS
    assert repr((transcript, transcript.replies[0])) == "(Transcript(...), Said(...))"
