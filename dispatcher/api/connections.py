"""Connections: what a peer may send before its request is understood, and how long it may take; uvicorn bounds neither."""

import asyncio
from typing import Any, Final, cast

import httptools
import msgspec
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from dispatcher.api.problems import PROBLEMS, document
from dispatcher.contracts.api_settings import ApiSettings

AFTER_NAME_AND_VALUE: Final = len(": \r\n")
FIELDS: Final = b"content-type: application/problem+json\r\ncache-control: no-store\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"


class Connection(HttpToolsProtocol):
    """Whatever is no body, and more than the head's limit and the body together, is refused: heads, trailers, the frames of chunks.

    While the application answers, its own limits hold; at all other times the peer has so many seconds for what it owes.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- uvicorn's
        super().__init__(*args, **kwargs)
        self._settings: ApiSettings = cast("Starlette", self.app).state.settings
        self._received = self._body = 0
        self._in_head = self._owing = False
        self._waiting: asyncio.TimerHandle | None = None
        self._slug = "malformed-request"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_longer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        if self._received - 2 * self._body > self._settings.max_head_bytes and self._owing and not self.transport.is_closing():
            self._refuse("head-too-large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._received = self._body = 0
        self._in_head = self._owing = True
        self._wait()

    def on_headers_complete(self) -> None:
        head = len(self.url) + sum(len(name) + len(value) + AFTER_NAME_AND_VALUE for name, value in self.headers)
        if head > self._settings.max_head_bytes:
            self._slug = "head-too-large"
            raise httptools.HttpParserError
        super().on_headers_complete()
        self._in_head = False
        self._wait_no_longer()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._owing = False
        self._wait_no_longer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._owing and not self.transport.is_closing():
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """A problem as any other, in place of uvicorn's text."""
        del msg
        self._refuse(self._slug)

    def _wait(self) -> None:
        self._wait_no_longer()
        self._waiting = self.loop.call_later(self._settings.head_seconds, self._waited)

    def _wait_no_longer(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    @property
    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    @property
    def _answerable(self) -> bool:
        """Whether what is said now is taken for the answer to what is being read."""
        return not self.cycle.response_started if self._owing and not self._in_head else not self._answering

    def _waited(self) -> None:
        """An answer that is under way goes first; who has asked nothing is told nothing."""
        if self._answering:
            self._wait()
        elif self._in_head:
            self._refuse("slow-head")
        else:
            self.transport.close()

    def _refuse(self, slug: str) -> None:
        if self._answerable:
            body = msgspec.json.encode(document(self._settings, slug))
            self.transport.write(STATUS_LINE[PROBLEMS[slug][0]] + FIELDS % len(body) + body)
        self.transport.close()
