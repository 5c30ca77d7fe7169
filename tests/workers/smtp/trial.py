"""Trial: one transmission to a faulty server, what came of it, and what the server must have of it."""

import asyncio
import base64
import dataclasses
import ssl
from ipaddress import ip_network
from typing import Final

import trustme

from dispatcher.contracts.mail import Account, Envelope, NoAuth, PasswordAuth, Tls
from dispatcher.contracts.outcome import Fate, Outcome
from tests.workers.smtp.faulty import PASSWORD, USER, Faulty
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import Pool

LOOPBACK: Final = Egress(allow_networks=(ip_network("127.0.0.0/8"),), allow_plaintext=True)
CA: Final = trustme.CA()
CA_PEM: Final = CA.cert_pem.bytes().decode()
MARK: Final = b"nobody but the server may read this"
MESSAGE: Final = b"Subject: x\r\n\r\n.\r\n" + MARK + b"\r\n"
LARGE: Final = MESSAGE + 6000 * (998 * b"x" + b"\r\n")  # more than the buffers between us and a server that reads nothing
TOLD: Final = Envelope("me@example.org", tuple((f"you{index}@example.org", (index,)) for index in range(3)))
SIGN_IN: Final = PasswordAuth(user=USER, password=PASSWORD)
SECRETS: Final = (
    *(MARK, b"MAIL FROM", b"RCPT TO", b"AUTH PLAIN", b"AUTH LOGIN"),
    *(base64.b64encode(said.encode()) for said in (USER, PASSWORD, f"\0{USER}\0{PASSWORD}")),
)
IN_CLEAR: Final = {b"EHLO", b"STARTTLS", b"QUIT"}


@dataclasses.dataclass(frozen=True)
class Trial:
    """What came of one transmission."""

    outcome: Outcome
    server: Faulty
    seconds: float

    @property
    def told(self) -> str:
        """In the words of the table."""
        fates = [fate.name.lower() for _, fate in sorted(self.outcome.fates.items())]
        fate = fates[0] if len(set(fates)) == 1 else ",".join(fates)
        failure = self.outcome.failure
        return fate if failure is None else f"{failure.failure_class} {failure.phase} {fate}"


def server_context(certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
    """That of a server which is what it says it is, unless another certificate is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (certificate or CA.issue_cert("127.0.0.1")).configure_cert(context)
    return context


async def attempt(server: Faulty, tls: Tls, limits: SmtpLimits, *, signs_in: bool = True) -> Trial:
    """Over a connection of its own; when the server's fault is in RSET, over one that has served before."""
    place = server.fault.place if server.fault is not None else ""

    async def fence(indexes: frozenset[int]) -> bool:
        if place == "body":
            await server.struck.wait()
            await asyncio.sleep(0.02)  # what was said is on its way
        return bool(indexes)

    async def send(pool: Pool) -> Outcome:
        auth = SIGN_IN if signs_in else NoAuth()
        account = Account(host="127.0.0.1", port=server.port, tls=tls, auth=auth, ca_pem=None if limits.ca_file else CA_PEM)
        return await pool.transmit(LARGE if place == "body" else MESSAGE, TOLD, account, fence=fence, limits=limits)

    async with server.serving():
        pool, now = Pool(LOOPBACK, most_idle=int(place == "rset")), asyncio.get_running_loop().time
        if place == "rset":
            await send(pool)
            server.ledger.clear()
        begun = now()
        outcome = await send(pool)
        seconds = now() - begun
        pool.close()
        if place == "quit":
            await asyncio.wait_for(server.struck.wait(), 1)
    return Trial(outcome, server, seconds)


def assert_kept_as_told(trial: Trial) -> None:
    """The server has exactly one copy for those who are accepted, none for all others; of the unconfirmed at most one."""
    fates = [trial.outcome.fates[index] for index in range(3)]
    to = tuple(address for (address, _), fate in zip(TOLD.recipients, fates, strict=True) if fate in {Fate.ACCEPTED, Fate.UNCONFIRMED})
    kept = [(copy.sender, copy.recipients, copy.message) for copy in trial.server.ledger]
    whole = [(TOLD.sender, to, MESSAGE)] if to else []
    assert kept in ([[], whole] if Fate.UNCONFIRMED in fates else [whole])


def assert_nothing_in_clear(server: Faulty) -> None:
    """Of a sign-in or a mail; what came off the network is looked at as it came."""
    assert [secret for secret in SECRETS for heard in server.heard if secret in heard] == []
    assert {line.split()[0] for line in server.clear} - IN_CLEAR == set()
