"""Web: one POST to a real HTTPS server, and as much of its answer as is of use; what tokens.py does with it, test_tokens.py shows."""

import asyncio

import pytest

from dispatcher.contracts.outcome import FailureClass
from tests.workers.smtp.test_tokens import CONTEXT, GUARD, HOST, Issuer, against, answer, ca_file, named
from workers.smtp.egress import Egress
from workers.smtp.web import Answer, Request, Web, endpoint

__all__ = ["ca_file"]


def request(port: int, content: bytes = b"said") -> Request:
    return Request(f"https://{HOST}:{port}/place?for=us", (("content-type", "text/plain"), ("x-mark", "1")), content)


def posted(ca_file: str | None, *answers: bytes, most: int = 0, seconds: float = 5, egress: Egress = GUARD) -> tuple[object, list[bytes]]:
    """What one POST gives, and what was heard of it."""
    found: list[object] = []

    async def once(server: Issuer) -> None:
        found.append(await Web(ca_file, seconds).send(request(server.port), egress, most))

    server = against(once, *answers)
    return found[0], server.requests


def test_what_is_posted_is_what_was_given_and_no_more(ca_file: str) -> None:
    found, heard = posted(ca_file, answer(202, b"thanks"))
    assert found == Answer(202, b"")
    assert [line.lower().partition(b": ")[0] for line in heard[0].split(b"\r\n")[1:-2]] == [
        b"host",
        b"content-type",
        b"x-mark",
        b"content-length",
    ]
    assert (heard[0].partition(b" HTTP")[0], heard[0].rpartition(b"\r\n")[2]) == (b"POST /place?for=us", b"said")


@pytest.mark.parametrize(("most", "body"), [(0, b""), (1, b"thanks"), (6, b"thanks"), (7, b"thanks")])
def test_no_more_of_the_answer_is_read_than_is_asked_for_and_the_piece_it_ends_in(ca_file: str, most: int, body: bytes) -> None:
    assert posted(ca_file, answer(200, b"thanks"), most=most)[0] == Answer(200, body)


def test_a_redirect_is_an_answer_like_any_other(ca_file: str) -> None:
    found, heard = posted(ca_file, answer(307, b"", f"location: https://{HOST}/other"), answer(200, b""))
    assert (found, len(heard)) == (Answer(307, b""), 1)


@pytest.mark.parametrize("said", [b"220 mail.example.org ESMTP\r\n", b"HTTP/1.1 200 OK\r\n", b""])
def test_what_is_no_answer_is_a_lost_connection(ca_file: str, said: bytes) -> None:
    assert posted(ca_file, said)[0] is FailureClass.CONNECTION_LOST


def test_a_server_that_says_nothing_is_too_late(ca_file: str) -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async def story() -> Answer | FailureClass:
        server = await asyncio.start_server(silent, "127.0.0.1", 0, ssl=CONTEXT)
        async with server:
            found = await Web(ca_file, 0.2).send(request(server.sockets[0].getsockname()[1]), GUARD)
            over.set()
        return found

    over = asyncio.Event()
    assert asyncio.run(story()) is FailureClass.TIMEOUT


@pytest.mark.parametrize(
    ("egress", "failure_class"),
    [
        (named("127.0.0.2"), FailureClass.CONNECTION_LOST),
        (named("10.0.0.1"), FailureClass.HOST_FORBIDDEN),
        (named(), FailureClass.DNS_NOT_FOUND),
        (Egress(lookup=GUARD.lookup), FailureClass.HOST_FORBIDDEN),
    ],
)
def test_nothing_is_posted_where_the_guard_leads_nowhere(ca_file: str, egress: Egress, failure_class: FailureClass) -> None:
    assert posted(ca_file, answer(200, b""), egress=egress) == (failure_class, [])


def test_nothing_is_posted_to_a_server_that_nobody_vouches_for() -> None:
    assert posted(None, answer(200, b"")) == (FailureClass.TLS_CERT_UNTRUSTED, [])


def test_what_is_posted_is_in_no_traceback() -> None:
    assert repr(request(443, b"telltale")) == "Request(...)"


@pytest.mark.parametrize(
    "url",
    [
        "http://x.org/",
        "ftp://x.org/",
        "https:///t",
        "https://",
        "x.org",
        "",
        "https://u:p@x.org/",
        "https://x.org:99999/",
        "https://x\n.org/",
    ],
)
def test_what_is_no_address_of_the_secure_web_is_no_endpoint(url: str) -> None:
    assert endpoint(url) is None
