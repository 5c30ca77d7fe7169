"""Office: what a worker process opens at its start: Redis, keys, the egress guard and the limits of a transmission."""

from dataclasses import dataclass
from socket import AF_UNSPEC, SOCK_STREAM, getaddrinfo
from typing import Final
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dispatcher.contracts.keyring import check_private
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.records import Records
from dispatcher.contracts.seal import OpeningKeys
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.settings import ApiSettings, WorkerSettings, read
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits

REDIS_PORT: Final = 6379


@dataclass(frozen=True)
class Desk:
    """What one worker process dispatches with."""

    ledger: Ledger
    keys: OpeningKeys
    egress: Egress
    limits: SmtpLimits


def open_office(settings: WorkerSettings) -> tuple[Desk, Records]:
    """The records, and the desk that jobs are dispatched at; raises Misconfigured without keys or secret."""
    secret = Secret.read(settings.secret_file)
    check_private(settings.private_keys)
    pool = BlockingConnectionPool.from_url(
        settings.redis,
        max_connections=32,
        timeout=10,
        socket_timeout=10,
        socket_connect_timeout=5,
        health_check_interval=5,
        retry=Retry(NoBackoff(), 1),
        retry_on_error=[ConnectionError],
        client_name="bp-worker",
    )
    redis = Redis(connection_pool=pool)
    ledger = Ledger(redis, settings.status_ttl_seconds)
    return Desk(ledger, OpeningKeys(settings.private_keys, secret), egress(settings), limits(settings)), Records(redis)


def egress(settings: WorkerSettings) -> Egress:
    """Whom this worker may connect to; never our own Redis."""
    return Egress(
        ports=settings.egress_ports,
        allow_networks=settings.egress_allow_networks,
        denied_endpoints=own_endpoints(settings.redis, read(ApiSettings)),
        allow_plaintext=settings.allow_plaintext,
    )


def own_endpoints(redis_url: str, api: ApiSettings) -> frozenset[tuple[str, int]]:
    """Addresses and ports of our Redis and API, which no job may name as its mail server; a unix socket has none."""
    places = [(api.api_host, api.api_port), (api.admin_host, api.admin_port)]
    parts = urlsplit(redis_url)
    if parts.scheme != "unix" and parts.hostname:
        places.append((parts.hostname, parts.port or REDIS_PORT))
    return frozenset((address, port) for host, port in places for address in addresses(host))


def addresses(host: str) -> list[str]:
    """The addresses of one of our own hosts; none while its name is not known."""
    try:
        return [str(item[4][0]).partition("%")[0] for item in getaddrinfo(host, None, family=AF_UNSPEC, type=SOCK_STREAM)]
    except OSError:
        return []


def limits(settings: WorkerSettings) -> SmtpLimits:
    """How long each phase of a transmission may take."""
    return SmtpLimits(
        connect_seconds=settings.connect_seconds,
        ehlo_seconds=settings.reply_seconds,
        mail_seconds=settings.reply_seconds,
        rcpt_seconds=settings.reply_seconds,
        data_seconds=settings.reply_seconds,
        dot_seconds=settings.dot_seconds,
        ehlo_name=settings.ehlo_name,
        ca_file=str(settings.smtp_ca_file) if settings.smtp_ca_file else None,
    )
