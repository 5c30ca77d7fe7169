"""Receiving: what comes off the wire lies in one place that is cleared at once; the loop's own would keep the end of the last body."""

import asyncio
from typing import Any, Final

from dispatcher.api.connections import Connection

ROOM_BYTES: Final = 262_144


class Receiving(asyncio.BufferedProtocol):
    """Hands each piece to the server's own protocol; all connections share the room, since each piece is taken before the next is read."""

    def __init__(self, room: memoryview, **parts: Any) -> None:  # noqa: ANN401 -- the server's, handed on as they are
        self._room = room
        self._protocol = Connection(**parts)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 -- the loop's signature
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        piece = bytes(self._room[:nbytes])
        self._room[:nbytes] = bytes(nbytes)
        self._protocol.data_received(piece)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._protocol.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def eof_received(self) -> None:
        self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()
