"""Key sets: an issuer's keys are fetched when they are needed, seldom, by one at a time, and by HTTPS alone."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from joserfc.jwk import OctKey

from catcher import authority
from dispatcher.contracts.base64url import text
from dispatcher.contracts.errors import Unavailable
from dispatcher.intake.key_sets import AuthoritiesUnreadable, IssuersKeys, fetcher, read
from tests.dispatcher.intake.key_server import document, key_server
from tests.dispatcher.intake.tokens import EC, ED, IDP, OTHER_RSA, RSA

WEAK: Final = {"kty": "RSA", "kid": "weak", "e": "AQAB", "n": text(b"\xc1" * 128)}
PADDED: Final = WEAK | {"kid": "padded", "n": text(bytes(200) + b"\xc1" * 128)}
NAME: Final = str(RSA.kid)
BROKEN: Final = ({"kty": "RSA", "kid": "n", "n": 7, "e": "AQAB"}, {"kty": "EC", "kid": "c", "crv": "P-0"}, {"kty": "OKP", "kid": "x"})


@dataclass
class Source:
    """What an issuer would answer, and how often it was asked; `now` is the clock, and `gate` holds answers back."""

    answer: bytes | None = field(default_factory=lambda: document(RSA))
    asked: int = 0
    now: float = 0.0
    gate: asyncio.Event | None = None

    async def fetch(self, _url: str) -> bytes:
        self.asked += 1
        if self.gate:
            await self.gate.wait()
        if self.answer is None:
            raise Unavailable
        return self.answer


def run(story: Callable[[Source, IssuersKeys], Coroutine[Any, Any, object]], source: Source | None = None) -> object:
    async def whole() -> object:
        played = source or Source()
        return await story(played, IssuersKeys(played.fetch, lambda: played.now))

    return asyncio.run(whole())


async def has(keys: IssuersKeys, kid: str = NAME) -> bool:
    return await keys.key(IDP, kid) is not None


def test_a_key_is_fetched_once_an_hour() -> None:
    async def story(source: Source, keys: IssuersKeys) -> object:
        found = [await has(keys) for _ in range(3)]
        source.now = 3599
        return [*found, await has(keys)], source.asked

    assert run(story) == ([True] * 4, 1)


def test_after_an_hour_nobody_waits_for_the_new_set() -> None:
    async def story(source: Source, keys: IssuersKeys) -> object:
        await has(keys)
        source.now, source.gate = 3601, asyncio.Event()
        at_once = await has(keys)
        await asyncio.sleep(0)
        source.gate.set()
        return at_once, source.asked

    assert run(story) == (True, 2)


def test_unknown_keys_are_asked_for_once_a_minute_at_the_most() -> None:
    async def story(source: Source, keys: IssuersKeys) -> object:
        await has(keys)
        source.answer, source.now = document(RSA, OTHER_RSA), 59
        early = await has(keys, str(OTHER_RSA.kid))
        source.now = 61
        late = await has(keys, str(OTHER_RSA.kid))
        return early, late, {await has(keys, f"invented-{number}") for number in range(100)}, source.asked

    assert run(story) == (False, True, {False}, 2)


def test_many_who_need_a_key_at_once_make_one_question() -> None:
    async def story(source: Source, keys: IssuersKeys) -> object:
        source.gate = asyncio.Event()
        waiting = [asyncio.create_task(has(keys)) for _ in range(50)]
        await asyncio.sleep(0)
        source.gate.set()
        return set(await asyncio.gather(*waiting)), source.asked

    assert run(story) == ({True}, 1)


def test_while_the_issuer_is_away_her_keys_are_good_for_a_day_and_no_longer() -> None:
    async def story(source: Source, keys: IssuersKeys) -> object:
        await has(keys)
        source.answer, source.now = None, 86_000
        stale = await has(keys)
        source.now = 86_401
        with pytest.raises(Unavailable):
            await has(keys)
        return stale

    assert run(story) is True


def test_who_comes_back_after_days_is_known_again() -> None:
    async def story(source: Source, keys: IssuersKeys) -> object:
        await has(keys)
        source.now = 3 * 86_400
        return await has(keys), source.asked

    assert run(story) == (True, 2)


def test_a_new_key_is_found_though_the_set_is_being_fetched() -> None:
    async def story(source: Source, keys: IssuersKeys) -> object:
        await has(keys)
        source.answer, source.now, source.gate = document(RSA, OTHER_RSA), 3601, asyncio.Event()
        await has(keys)
        await asyncio.sleep(0)
        waiting = asyncio.create_task(has(keys, str(OTHER_RSA.kid)))
        await asyncio.sleep(0)
        source.gate.set()
        return await waiting, source.asked

    assert run(story) == (True, 2)


def test_while_there_are_no_keys_at_all_the_issuer_is_asked_every_five_seconds() -> None:
    async def story(source: Source, keys: IssuersKeys) -> object:
        source.answer, known = None, []
        for source.now in (0.0, 4.0, 5.0):
            with pytest.raises(Unavailable):
                await has(keys)
            known.append(source.asked)
        source.answer, source.now = document(RSA), 10.0
        return known, await has(keys)

    assert run(story) == ([1, 1, 2], True)


def test_a_key_that_the_issuer_shows_no_more_is_gone_with_the_next_set() -> None:
    async def story(source: Source, keys: IssuersKeys) -> object:
        await has(keys)
        source.answer, source.now = document(OTHER_RSA), 3601
        await has(keys)
        await asyncio.sleep(0.01)
        return await has(keys)

    assert run(story) is False


def test_a_slow_issuer_holds_nobody_of_another_one() -> None:
    async def story(source: Source, keys: IssuersKeys) -> object:
        await keys.key(msgspec.structs.replace(IDP, jwks_url="https://other.example/"), NAME)
        source.gate = asyncio.Event()
        slow = asyncio.create_task(has(keys))
        await asyncio.sleep(0)
        found = await keys.key(msgspec.structs.replace(IDP, jwks_url="https://other.example/"), NAME)
        held = not slow.done()
        source.gate.set()
        await slow
        return found is not None, held

    assert run(story) == (True, True)


@pytest.mark.parametrize("answer", [None, b"", b"[]", b"{}", b'{"keys": 1}', b"<html>", b"[" * 100_000, b'{"keys":[{"kid":"\xff"}]}'])
def test_without_a_key_set_nobody_can_tell(answer: bytes | None) -> None:
    async def story(_: Source, keys: IssuersKeys) -> object:
        return await has(keys)

    with pytest.raises(Unavailable):
        run(story, Source(answer))


def test_a_damaged_set_leaves_the_keys_that_were_there() -> None:
    async def story(source: Source, keys: IssuersKeys) -> object:
        await has(keys)
        source.answer, source.now = b"{", 4000
        await has(keys)
        await asyncio.sleep(0)
        return await has(keys)

    assert run(story) is True


@pytest.mark.filterwarnings("ignore")  # as when the service runs
def test_secrets_weak_keys_and_keys_for_other_uses_are_passed_over() -> None:
    secret = OctKey.import_key(b"s" * 32, {"kid": "secret"}).as_dict(private=True)
    encrypting = EC.as_dict(private=False) | {"kid": "encrypting", "use": "enc"}
    good = [RSA.as_dict(private=False), ED.as_dict(private=False)]
    listed = [*good, WEAK, PADDED, secret, encrypting, {"kty": "new"}, {"kid": 1}, {"kid": [], "kty": "EC"}, *BROKEN]
    assert sorted(read(json.dumps({"keys": listed}).encode())) == sorted([NAME, str(ED.kid)])


def test_of_a_key_that_was_shown_with_its_private_half_that_half_is_not_kept() -> None:
    shown = [key.as_dict(private=True) for key in (RSA, EC, ED)]
    assert [key.is_private for key in read(json.dumps({"keys": shown}).encode()).values()] == [False] * 3


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Where a real one is, and the file of its authority."""
    pem, tls = authority.issue()
    ca_file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca_file.write_text(pem)
    with key_server(tls, [RSA]) as base:
        yield base, ca_file


def test_a_real_issuer_is_asked_by_https(issuer: tuple[str, Path]) -> None:
    base, ca_file = issuer
    assert list(read(asyncio.run(fetcher(ca_file)(f"{base}/keys")))) == [NAME]


@pytest.mark.parametrize("path", ["/moved", "/away", "/large"])
def test_what_is_no_plain_answer_is_none(issuer: tuple[str, Path], path: str) -> None:
    base, ca_file = issuer
    with pytest.raises(Unavailable):
        asyncio.run(fetcher(ca_file)(base + path))


@pytest.mark.parametrize("path", ["/slow", "/dripping"])
def test_an_answer_has_its_time_whole(issuer: tuple[str, Path], path: str) -> None:
    base, ca_file = issuer
    with pytest.raises(Unavailable):
        asyncio.run(fetcher(ca_file, seconds=0.5)(base + path))


def test_an_issuer_whom_nobody_vouches_for_is_not_believed(issuer: tuple[str, Path]) -> None:
    with pytest.raises(Unavailable):
        asyncio.run(fetcher()(f"{issuer[0]}/keys"))


def test_an_issuer_that_is_not_there_is_away() -> None:
    with pytest.raises(Unavailable):
        asyncio.run(fetcher()("https://localhost:1/"))


@pytest.mark.parametrize("content", [None, "", "telltale"])
def test_a_file_of_authorities_that_is_none_stops_the_start(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    with pytest.raises(AuthoritiesUnreadable):
        fetcher(tmp_path / "ca.pem")
