"""Probe: whether a server that does not do as the account says would do so in the other TLS mode; nothing is said to it but a TLS hello."""

import asyncio
import ssl
from typing import Final

from dispatcher.contracts.mail import Tls
from workers.smtp.connection import Connection
from workers.smtp.tls import NOT_TLS

GREETING: Final = b"220"


async def speaks_the_other_mode(address: str, port: int, tls: Tls, seconds: float) -> bool:
    """True only on evidence: a TLS server's answer where the account expects clear text, or a greeting in clear where it expects TLS."""
    connection: Connection | None = None
    try:
        async with asyncio.timeout(seconds):
            loop = asyncio.get_running_loop()
            connection = (await loop.create_connection(Connection, address, port))[1]
            return await (_greets_in_clear(connection) if tls is Tls.IMPLICIT else _answers_tls(connection))
    except OSError:  # TimeoutError is one
        return False
    finally:
        if connection is not None:
            connection.abort()


async def _greets_in_clear(connection: Connection) -> bool:
    return (await connection.read()).startswith(GREETING)


async def _answers_tls(connection: Connection) -> bool:
    """Any certificate will do: nothing is said to this server but that it is spoken to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        await connection.secure(context, None)
    except ssl.SSLError as error:
        return bool(error.reason) and error.reason not in NOT_TLS and "EOF" not in error.reason
    return True
