"""Office: what a worker process opens at its start: Redis, keys, the egress guard and the limits of a transmission."""

from ipaddress import ip_address
from socket import AF_UNSPEC, getaddrinfo
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dispatcher.contracts.keyring import read_keys
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.records import Records
from dispatcher.contracts.seal import OpeningKeys
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.settings import WorkerSettings
from workers.dispatch import Desk
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits


def open_office(settings: WorkerSettings) -> tuple[Desk, Records]:
    """The records, and the desk that jobs are dispatched at; raises Misconfigured without keys or secret."""
    secret = Secret.read(settings.secret_file)
    read_keys(settings.private_keys)
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
        denied_endpoints=own_endpoints(settings.redis),
        allow_plaintext=settings.allow_plaintext,
    )


def own_endpoints(redis_url: str) -> frozenset[tuple[str, int]]:
    """Address and port of our Redis, which no job may name as its mail server; none for a unix socket."""
    parts = urlsplit(redis_url)
    if parts.scheme == "unix" or not parts.hostname:
        return frozenset()
    port = parts.port or 6379
    found = getaddrinfo(parts.hostname, port, family=AF_UNSPEC)
    return frozenset((str(ip_address(str(item[4][0]).partition("%")[0])), port) for item in found)


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
