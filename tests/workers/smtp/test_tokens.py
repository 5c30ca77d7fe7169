"""Tokens: fetched from a real HTTPS server, through the guard, once for all who wait, and kept for their life."""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import json
import logging
import ssl
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import parse_qs

import msgspec
import pytest
import trustme

from dispatcher.contracts.mail import ClientCredentialsAuth
from dispatcher.contracts.outcome import FailureClass
from workers.smtp.egress import Egress, NameTemporary
from workers.smtp.tokens import MAX_ANSWER, Granted, Tokens, judged

HOST = "login.example.org"
CA = trustme.CA()
REDIRECT = b"HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n"


def context(name: str = HOST, authority: trustme.CA = CA, not_after: dt.datetime | None = None) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=not_after).configure_cert(found)
    return found


def old_context() -> ssl.SSLContext:
    found = context()
    found.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.deprecated_call():
        found.minimum_version = found.maximum_version = ssl.TLSVersion.TLSv1_1
    return found


CONTEXT = context()


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    CA.cert_pem.write_to_path(path)
    return str(path)


@dataclasses.dataclass
class Issuer:
    """A token endpoint: gives its answers in turn, the last one for ever, and notes what it was asked."""

    answers: list[bytes]
    requests: list[bytes] = dataclasses.field(default_factory=list)
    seconds: float = 0
    port: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            self.requests.append(head + await reader.readexactly(length))
            await asyncio.sleep(self.seconds)
            writer.write(self.answers[min(len(self.requests), len(self.answers)) - 1])
            await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    @property
    def auth(self) -> ClientCredentialsAuth:
        url = f"https://{HOST}:{self.port}/tenant/token?v=2"
        return ClientCredentialsAuth(user="me@example.org", token_url=url, client_id="id&", client_secret="sé=cret", scope="mail send")

    @property
    def bodies(self) -> list[dict[str, list[str]]]:
        return [
            parse_qs(request.partition(b"\r\n\r\n")[2].decode(), keep_blank_values=True, strict_parsing=True) for request in self.requests
        ]


def answer(status: int, body: bytes, *headers: str) -> bytes:
    lines = (f"HTTP/1.1 {status} x", f"content-length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def granted(name: str = "tok", expires_in: object = 3600) -> bytes:
    return answer(200, json.dumps({"access_token": name, "token_type": "bearer", "expires_in": expires_in, "x": [1]}).encode())


def named(*addresses: str) -> Egress:
    """With a name server that gives these answers, where the loopback is named by the operator."""

    async def lookup(_host: str, _port: int) -> tuple[str, ...]:
        return addresses

    return Egress(allow_networks=(ip_network("127.0.0.0/8"),), lookup=lookup)


GUARD = named("127.0.0.1")
Doing = Callable[[Issuer], Awaitable[object]]


def against(
    doing: Doing,
    *answers: bytes,
    tls: ssl.SSLContext | None = CONTEXT,
    seconds: float = 0,
    loop: type[asyncio.SelectorEventLoop] = asyncio.SelectorEventLoop,
) -> Issuer:
    async def both() -> Issuer:
        issuer = Issuer(list(answers), seconds=seconds)
        server = await asyncio.start_server(issuer.talk, "127.0.0.1", 0, ssl=tls)
        issuer.port = server.sockets[0].getsockname()[1]
        async with server:
            await doing(issuer)
        return issuer

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(both())


def fetched(
    tokens: Tokens, *answers: bytes, egress: Egress = GUARD, tls: ssl.SSLContext | None = CONTEXT, seconds: float = 0
) -> tuple[str | FailureClass, int]:
    """What one asking gives, and how many requests it took."""
    found: list[str | FailureClass] = []

    async def once(issuer: Issuer) -> None:
        found.append(await tokens.fetch(issuer.auth, egress))

    issuer = against(once, *answers, tls=tls, seconds=seconds)
    return found[0], len(issuer.requests)


def test_the_request_is_the_one_of_the_rfc_and_holds_nothing_else(ca_file: str) -> None:
    async def once(issuer: Issuer) -> None:
        assert await Tokens(ca_file=ca_file).fetch(issuer.auth, GUARD) == "tok"
        assert await Tokens(ca_file=ca_file).fetch(msgspec.structs.replace(issuer.auth, scope=""), GUARD) == "tok"

    issuer = against(once, granted())
    head = issuer.requests[0].partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert head[0] == "POST /tenant/token?v=2 HTTP/1.1"
    assert sorted(line.lower().partition(": ")[::2] for line in head[1:]) == [
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("content-length", str(len(issuer.requests[0].partition(b"\r\n\r\n")[2]))),
        ("content-type", "application/x-www-form-urlencoded"),
        ("host", f"{HOST}:{issuer.port}"),
    ]
    plain = {"grant_type": ["client_credentials"], "client_id": ["id&"], "client_secret": ["sé=cret"]}
    assert issuer.bodies == [plain | {"scope": ["mail send"]}, plain]


def test_a_token_is_kept_until_a_minute_before_its_end(ca_file: str) -> None:
    now = [1000.0]
    tokens = Tokens(ca_file=ca_file, clock=lambda: now[0])

    async def thrice(issuer: Issuer) -> None:
        assert [await tokens.fetch(issuer.auth, GUARD), await tokens.fetch(issuer.auth, GUARD)] == ["one", "one"]
        now[0] += 3539
        assert await tokens.fetch(issuer.auth, GUARD) == "one"
        now[0] += 1
        assert await tokens.fetch(issuer.auth, GUARD) == "two"

    assert len(against(thrice, granted("one"), granted("two")).requests) == 2


def test_a_token_whose_life_is_over_is_forgotten_when_another_is_asked_for(ca_file: str) -> None:
    now = [0.0]
    tokens = Tokens(ca_file=ca_file, clock=lambda: now[0])

    async def two_credentials(issuer: Issuer) -> None:
        await tokens.fetch(issuer.auth, GUARD)
        now[0] += 3540
        await tokens.fetch(msgspec.structs.replace(issuer.auth, scope="other"), GUARD)

    against(two_credentials, granted())
    assert tokens.kept == 1


def test_a_token_is_forgotten_also_when_nobody_asks_again(ca_file: str) -> None:
    class Hasty(asyncio.SelectorEventLoop):
        """Its clock can be put forward."""

        ahead = 0.0

        def time(self) -> float:
            return super().time() + self.ahead

    async def once_and_wait(issuer: Issuer) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Hasty)
        tokens = Tokens(ca_file=ca_file, clock=loop.time)
        await tokens.fetch(issuer.auth, GUARD)
        loop.ahead += 3539
        await asyncio.sleep(0)
        assert tokens.kept == 1
        loop.ahead += 2
        await asyncio.sleep(0.001)
        assert tokens.kept == 0

    against(once_and_wait, granted(), loop=Hasty)


@pytest.mark.parametrize(
    ("expires_in", "requests"), [(61, 1), ("3600", 1), (10**9, 1), (60, 2), (0, 2)], ids=["61", "text", "long", "60", "none"]
)
def test_a_token_without_a_life_worth_keeping_is_not_kept(ca_file: str, expires_in: object, requests: int) -> None:
    tokens = Tokens(ca_file=ca_file)

    async def twice(issuer: Issuer) -> None:
        assert [await tokens.fetch(issuer.auth, GUARD) for _ in range(2)] == ["tok", "tok"]

    assert len(against(twice, granted(expires_in=expires_in)).requests) == requests


def test_no_token_is_kept_longer_than_a_day(ca_file: str) -> None:
    now = [0.0]
    tokens = Tokens(ca_file=ca_file, clock=lambda: now[0])

    async def a_day_apart(issuer: Issuer) -> None:
        assert await tokens.fetch(issuer.auth, GUARD) == "one"
        now[0] += 86_340
        assert await tokens.fetch(issuer.auth, GUARD) == "two"

    against(a_day_apart, granted("one", expires_in=10**9), granted("two"))


def test_a_credential_that_differs_in_any_field_has_a_token_of_its_own(ca_file: str) -> None:
    tokens = Tokens(ca_file=ca_file)

    async def each(issuer: Issuer) -> None:
        auth = issuer.auth
        changed = [msgspec.structs.replace(auth, **{field: getattr(auth, field) + "x"}) for field in auth.__struct_fields__]
        assert [await tokens.fetch(other, GUARD) for other in (auth, *changed, auth)] == [*"abcdef", "a"]

    against(each, *map(granted, "abcdef"))


def test_many_at_once_make_one_request_and_hear_one_answer(ca_file: str) -> None:
    tokens = Tokens(ca_file=ca_file)

    async def together(issuer: Issuer) -> None:
        assert await asyncio.gather(*(tokens.fetch(issuer.auth, GUARD) for _ in range(20))) == ["tok"] * 20

    assert len(against(together, granted(expires_in=0), granted("never"), seconds=0.02).requests) == 1


def test_many_at_once_hear_one_refusal(ca_file: str) -> None:
    tokens = Tokens(ca_file=ca_file)

    async def together(issuer: Issuer) -> None:
        found = await asyncio.gather(*(tokens.fetch(issuer.auth, GUARD) for _ in range(20)))
        assert found == [FailureClass.AUTH_REJECTED] * 20

    assert len(against(together, answer(401, b""), granted(), seconds=0.02).requests) == 1


def test_who_gives_up_leaves_the_others_their_answer(ca_file: str) -> None:
    tokens = Tokens(ca_file=ca_file)

    async def both(issuer: Issuer) -> None:
        first, second = (asyncio.ensure_future(tokens.fetch(issuer.auth, GUARD)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        assert (await second, first.cancelled()) == ("tok", True)

    assert len(against(both, granted(), seconds=0.03).requests) == 1


def test_a_token_that_was_refused_is_not_given_again(ca_file: str) -> None:
    tokens = Tokens(ca_file=ca_file)

    async def refused(issuer: Issuer) -> None:
        assert await tokens.fetch(issuer.auth, GUARD) == "one"
        assert await tokens.fetch(issuer.auth, GUARD, stale="one") == "two"
        assert await tokens.fetch(issuer.auth, GUARD, stale="one") == "two"
        assert await tokens.fetch(issuer.auth, GUARD, stale="two") is FailureClass.AUTH_REJECTED

    issuer = against(refused, granted("one"), granted("two"), granted("two"))
    assert (len(issuer.requests), tokens.kept) == (3, 0)


def test_the_oldest_token_gives_way_to_one_too_many(ca_file: str) -> None:
    tokens = Tokens(ca_file=ca_file, most=2)

    async def three(issuer: Issuer) -> None:
        auths = [msgspec.structs.replace(issuer.auth, scope=scope) for scope in "123"]
        assert [await tokens.fetch(auth, GUARD) for auth in (*auths, auths[1], auths[2], auths[0])] == [*"abc", *"bc", "d"]

    against(three, *map(granted, "abcd"))
    assert tokens.kept == 2


@pytest.mark.parametrize(
    ("said", "failure_class"),
    [
        (answer(400, b'{"error":"invalid_scope"}'), FailureClass.AUTH_REJECTED),
        (answer(401, b'{"error":"invalid_client"}'), FailureClass.AUTH_REJECTED),
        (answer(403, b"<html>"), FailureClass.AUTH_REJECTED),
        (answer(400, b'{"error": "temporarily_unavailable"}'), FailureClass.AUTH_TEMPORARY),
        (answer(404, b""), FailureClass.AUTH_TEMPORARY),
        (answer(429, b"", "retry-after: 5"), FailureClass.AUTH_TEMPORARY),
        (answer(500, b""), FailureClass.AUTH_TEMPORARY),
        (answer(503, b"x" * 300_000), FailureClass.AUTH_TEMPORARY),
        (answer(204, b""), FailureClass.AUTH_TEMPORARY),
        (REDIRECT, FailureClass.AUTH_TEMPORARY),
        (b"220 mail.example.org ESMTP\r\n", FailureClass.AUTH_TEMPORARY),
        (b"", FailureClass.AUTH_TEMPORARY),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, FailureClass.AUTH_TEMPORARY),
        (granted()[:-1], FailureClass.AUTH_TEMPORARY),
    ],
)
def test_an_answer_that_grants_nothing_is_a_failure_and_asked_for_once(ca_file: str, said: bytes, failure_class: FailureClass) -> None:
    assert fetched(Tokens(ca_file=ca_file), said, granted("never")) == (failure_class, 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"x":' + b"[" * 60_000,
        b'{"access_token":"a","token_type":"mac"}',
        b'{"access_token":"a"}',
        b'{"access_token":"","token_type":"bearer"}',
        b'{"access_token":"a b","token_type":"bearer"}',
        b'{"access_token":"a\\n","token_type":"bearer"}',
        '{"access_token":"ä","token_type":"bearer"}'.encode(),
        b'{"access_token":1,"token_type":"bearer"}',
        b'{"access_token":"a","token_type":"bearer","expires_in":-1}',
        b'{"access_token":"a","token_type":"bearer","expires_in":"soon"}',
        b'{"access_token":"%b","token_type":"bearer"}' % (b"a" * 16_385),
        b'{"access_token":"a","token_type":"bearer"}' + b" " * MAX_ANSWER,
    ],
)
def test_an_answer_that_cannot_be_used_is_as_good_as_none(body: bytes) -> None:
    assert judged(200, body) is FailureClass.AUTH_TEMPORARY


def test_a_token_may_be_as_long_as_a_secret_and_its_life_unsaid() -> None:
    token = "~" * 16_384
    assert judged(200, json.dumps({"access_token": token, "token_type": "BEARER"}).encode()) == Granted(token, "BEARER")


def test_no_more_of_an_endless_answer_is_read_than_is_of_use(ca_file: str) -> None:
    found: list[object] = []
    written: list[int] = []

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" " * 65_536)
            written.append(65_536)
            await writer.drain()
        writer.transport.abort()

    async def both() -> None:
        server = await asyncio.start_server(endless, "127.0.0.1", 0, ssl=CONTEXT)
        issuer = Issuer([], port=server.sockets[0].getsockname()[1])
        async with server:
            found.append(await Tokens(ca_file=ca_file).fetch(issuer.auth, GUARD))
            await asyncio.sleep(0.05)

    asyncio.run(both())
    assert (found, sum(written) < 64 * 1024 * 1024) == ([FailureClass.AUTH_TEMPORARY], True)


@pytest.mark.parametrize(
    ("tls", "failure_class"),
    [
        (context("other.example.org"), FailureClass.TLS_CERT_HOSTNAME),
        (context("127.0.0.1"), FailureClass.TLS_CERT_HOSTNAME),
        (context(authority=trustme.CA()), FailureClass.TLS_CERT_UNTRUSTED),
        (context(not_after=dt.datetime(2001, 1, 1, tzinfo=dt.UTC)), FailureClass.TLS_CERT_EXPIRED),
        (old_context(), FailureClass.AUTH_TEMPORARY),
    ],
    ids=["other name", "address", "other authority", "expired", "TLS 1.1"],
)
def test_nothing_is_said_to_a_server_that_does_not_prove_its_name(
    ca_file: str, tls: ssl.SSLContext | None, failure_class: FailureClass
) -> None:
    assert fetched(Tokens(ca_file=ca_file), granted(), tls=tls) == (failure_class, 0)


def test_nothing_is_said_in_clear(ca_file: str) -> None:
    assert fetched(Tokens(ca_file=ca_file, seconds=0.1), granted(), tls=None) == (FailureClass.AUTH_TEMPORARY, 0)


def test_the_next_address_is_tried_where_one_takes_no_connection(ca_file: str) -> None:
    assert fetched(Tokens(ca_file=ca_file), granted(), egress=named("127.0.0.2", "127.0.0.1")) == ("tok", 1)


@pytest.mark.parametrize(
    ("addresses", "failure_class"),
    [
        (("127.0.0.2",), FailureClass.AUTH_TEMPORARY),
        (("10.0.0.1",), FailureClass.HOST_FORBIDDEN),
        (("169.254.169.254",), FailureClass.HOST_FORBIDDEN),
        ((), FailureClass.DNS_NOT_FOUND),
    ],
)
def test_only_checked_addresses_are_connected_to(ca_file: str, addresses: tuple[str, ...], failure_class: FailureClass) -> None:
    assert fetched(Tokens(ca_file=ca_file), granted(), egress=named(*addresses)) == (failure_class, 0)


def test_the_guard_that_names_no_network_lets_nobody_reach_this_machine(ca_file: str) -> None:
    egress = dataclasses.replace(GUARD, allow_networks=())
    assert fetched(Tokens(ca_file=ca_file), granted(), egress=egress) == (FailureClass.HOST_FORBIDDEN, 0)


def test_a_name_is_looked_up_once_and_only_at_the_web_port() -> None:
    asked: list[tuple[str, int]] = []

    async def lookup(host: str, port: int) -> tuple[str, ...]:
        asked.append((host, port))
        raise NameTemporary

    async def each() -> list[object]:
        tokens, egress = Tokens(), Egress(lookup=lookup)
        urls = ("https://Login.Example.org/t", "https://login.example.org:443/t", "https://login.example.org:587/t", "https://10.0.0.1/t")
        auths = [ClientCredentialsAuth(user="u", token_url=url, client_id="c", client_secret="s") for url in urls]
        return [await tokens.fetch(auth, egress) for auth in auths]

    assert asyncio.run(each()) == [FailureClass.DNS_TEMPORARY] * 2 + [FailureClass.HOST_FORBIDDEN] * 2
    assert asked == [("login.example.org", 443)] * 2


@pytest.mark.parametrize("tls", [CONTEXT, None], ids=["answer", "handshake"])
def test_a_fetch_is_bounded_as_a_whole_and_hangs_up(ca_file: str, tls: ssl.SSLContext | None) -> None:
    async def both() -> None:
        left = asyncio.Event()

        async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):  # a client may leave without the last word of TLS
                while not reader.at_eof():
                    writer.write(b"H" if tls else b"")
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(reader.read(1000), 0.02)
            writer.close()
            left.set()

        server = await asyncio.start_server(dripping, "127.0.0.1", 0, ssl=tls)
        issuer = Issuer([], port=server.sockets[0].getsockname()[1])
        async with server:
            assert await Tokens(ca_file=ca_file, seconds=0.1).fetch(issuer.auth, GUARD) is FailureClass.AUTH_TEMPORARY
            await asyncio.wait_for(left.wait(), 5)

    asyncio.run(asyncio.wait_for(both(), 5))


def test_the_environment_names_no_proxy_and_the_log_no_address(
    ca_file: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    caplog.set_level(logging.INFO)
    assert fetched(Tokens(ca_file=ca_file), granted()) == ("tok", 1)
    assert caplog.records == []
