"""Pool: which connections serve again, and which never do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import pytest

from dispatcher.contracts.mail import Account, Envelope, NoAuth, PasswordAuth, Tls
from dispatcher.contracts.outcome import Fate, Outcome
from tests.workers.smtp.scripted import Heard, serve
from tests.workers.smtp.test_session import CA_PEM, CONTEXT, LOOPBACK, MESSAGE, PASSWORD, envelope, granted
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import REST, Pool, Rest

ACCEPTED: Final = Outcome({0: Fate.ACCEPTED})
OPENING: Final = ("S: 220 server", "C: EHLO", "S: 250-server", "S: 250 AUTH PLAIN", "C: AUTH PLAIN", "S: 235 ok")
MAIL: Final = ("C: MAIL", "S: 250 ok", "C: RCPT", "S: 250 ok", "C: DATA", "S: 354 go", "C: ...", "S: 250 ok")
RESET: Final = ("C: RSET", "S: 250 ok")
LIMITS: Final = SmtpLimits(rset_seconds=0.2)


def account(port: int, auth: PasswordAuth | NoAuth = PASSWORD) -> Account:
    return Account(host="127.0.0.1", port=port, tls=Tls.IMPLICIT, auth=auth, ca_pem=CA_PEM)


def kept(story: Callable[[Pool, Heard], Awaitable[None]], *lines: str, most_idle: int = 5, rest: Rest = REST) -> Heard:
    """What a server of these lines heard; it plays them anew on each connection."""

    async def told() -> Heard:
        async with serve((*OPENING, *lines), CONTEXT, implicit=True) as heard:
            pool = Pool(LOOPBACK, most_idle, rest=rest)
            try:
                await story(pool, heard)
            finally:
                pool.close()
        return heard

    return asyncio.run(told())


async def mailed(pool: Pool, account: Account, told: Envelope | None = None, limits: SmtpLimits = LIMITS) -> Outcome:
    return await pool.transmit(MESSAGE, told or envelope(), account, fence=granted, limits=limits)


def verbs(heard: Heard) -> list[bytes]:
    return [line[:4] for line in heard.lines]


def test_the_next_mail_of_the_account_takes_the_same_connection_reset() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        assert [await mailed(pool, account(heard.port)) for _ in range(2)] == [ACCEPTED] * 2

    heard = kept(story, *MAIL, *RESET, *MAIL)
    assert (heard.connections, verbs(heard)) == (1, b"EHLO AUTH MAIL RCPT DATA RSET MAIL RCPT DATA".split())
    assert heard.rest == b"QUIT\r\n"


def test_a_pool_of_none_keeps_none() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        for _ in range(2):
            await mailed(pool, account(heard.port))

    heard = kept(story, *MAIL, most_idle=0)
    assert (heard.connections, heard.rest) == (2, b"QUIT\r\n")


@pytest.mark.parametrize(
    "change",
    [
        {"auth": PasswordAuth(user="user", password="other")},
        {"auth": PasswordAuth(user="other", password="secret")},
        {"auth": NoAuth()},
        {"ehlo_name": "other.example"},
        {"ca_pem": CA_PEM + "\n"},
    ],
    ids="-".join,
)
def test_whatever_differs_in_the_account_is_another_connection(change: dict[str, object]) -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        first = account(heard.port)
        await mailed(pool, first)
        await mailed(pool, msgspec.structs.replace(first, **change))

    assert kept(story, *MAIL).connections == 2


def test_another_name_in_ehlo_is_another_connection() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        for name in ("one.example", "two.example"):
            await mailed(pool, account(heard.port), limits=SmtpLimits(ehlo_name=name))

    assert kept(story, *MAIL).connections == 2


def test_a_closed_pool_keeps_nothing_any_more() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        pool.close()
        for _ in range(2):
            assert await mailed(pool, account(heard.port)) == ACCEPTED

    assert kept(story, *MAIL).connections == 2


def test_a_refused_mail_leaves_a_connection_that_is_used_again() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        assert (await mailed(pool, account(heard.port))).fates == {0: Fate.REFUSED}
        assert await mailed(pool, account(heard.port)) == ACCEPTED

    assert kept(story, "C: MAIL", "S: 250 ok", "C: RCPT", "S: 550 5.1.1 no", *RESET, *MAIL).connections == 1


@pytest.mark.parametrize("end", ["S: 421 4.3.0 bye", "!", "S: x", "S: 500 what"])
def test_a_connection_that_is_dead_before_mail_costs_nothing(end: str) -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        assert [await mailed(pool, account(heard.port)) for _ in range(2)] == [ACCEPTED] * 2

    assert kept(story, *MAIL, "C: RSET", end).connections == 2


def test_a_connection_that_is_silent_is_given_up_after_the_reset() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        assert [await mailed(pool, account(heard.port)) for _ in range(2)] == [ACCEPTED] * 2

    assert kept(story, *MAIL, "C: RSET").connections == 2


def test_the_server_that_hung_up_meanwhile_is_not_even_asked() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        await mailed(pool, account(heard.port))
        await heard.gone.wait()
        assert await mailed(pool, account(heard.port)) == ACCEPTED

    heard = kept(story, *MAIL, "!")
    assert (heard.connections, b"RSET" in verbs(heard)) == (2, False)


def test_where_one_was_dead_its_sisters_are_not_tried() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        both = await asyncio.gather(*(mailed(pool, account(heard.port)) for _ in range(2)))
        assert [*both, await mailed(pool, account(heard.port))] == [ACCEPTED] * 3

    heard = kept(story, *MAIL, "C: RSET", "!")
    assert (heard.connections, verbs(heard).count(b"RSET")) == (3, 1)


def test_a_dot_without_an_answer_is_never_tried_again() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        await mailed(pool, account(heard.port))
        assert (await mailed(pool, account(heard.port))).fates == {0: Fate.UNCONFIRMED}

    assert kept(story, *MAIL, *RESET, *MAIL[:-1], "!").connections == 1


@pytest.mark.parametrize("rest", [Rest(idle_seconds=0), Rest(age_seconds=0), Rest(transactions=1)])
def test_what_is_too_old_or_too_long_at_rest_serves_no_more(rest: Rest) -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        for _ in range(2):
            assert await mailed(pool, account(heard.port)) == ACCEPTED

    assert kept(story, *MAIL, rest=rest).connections == 2


def test_at_rest_are_so_many_and_the_oldest_goes() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        ones = [account(heard.port, PasswordAuth(user=f"user{index}", password="secret")) for index in range(3)]
        for one in (*ones, ones[2], ones[1], ones[0]):
            assert await mailed(pool, one) == ACCEPTED

    assert kept(story, *MAIL, *RESET, *MAIL, most_idle=2).connections == 4


def test_connections_at_rest_end_by_themselves() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        await mailed(pool, account(heard.port))
        await asyncio.wait_for(heard.gone.wait(), 2)

    assert kept(story, *MAIL, rest=Rest(idle_seconds=0.05)).rest == b"QUIT\r\n"


def test_a_failed_sign_in_is_not_kept() -> None:
    async def story(pool: Pool, heard: Heard) -> None:
        for _ in range(2):
            assert (await mailed(pool, account(heard.port))).fates == {0: Fate.REFUSED}

    async def told() -> int:
        async with serve((*OPENING[:-1], "S: 535 5.7.8 no"), CONTEXT, implicit=True) as heard:
            await story(Pool(LOOPBACK, 5), heard)
        return heard.connections

    assert asyncio.run(told()) == 2
