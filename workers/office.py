"""Office: what a worker process opens at its start: Redis, keys, the egress guard, connections, the default account, limits."""

from dataclasses import dataclass
from socket import AF_UNSPEC, SOCK_STREAM, getaddrinfo
from typing import Final, Literal
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dispatcher.contracts.errors import AccountMissing
from dispatcher.contracts.keyring import check_private
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.mail import Account
from dispatcher.contracts.records import Records
from dispatcher.contracts.seal import OpeningKeys
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.settings import ApiSettings, WorkerSettings, read
from workers.default_account import default_account
from workers.route import Route
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import Pool
from workers.smtp.tokens import Tokens

REDIS_PORT: Final = 6379


@dataclass(frozen=True)
class Desk:
    """What one worker process dispatches with."""

    ledger: Ledger
    keys: OpeningKeys
    limits: SmtpLimits
    pool: Pool
    default: Route | None = None

    def route(self, account: Account | Literal["default"]) -> Route:
        """The way of an account; raises AccountMissing when it is the default one, and there is none."""
        if isinstance(account, Account):
            return Route(account, self.pool)
        if self.default is None:
            raise AccountMissing
        return self.default

    def close(self) -> None:
        """Hangs up where connections are at rest."""
        self.pool.close()
        if self.default is not None:
            self.default.pool.close()


def open_office(settings: WorkerSettings) -> tuple[Desk, Records]:
    """The records, and the desk that jobs are dispatched at; raises Misconfigured, without keys or secret for one."""
    secret = Secret.read(settings.secret_file)
    check_private(settings.private_keys)
    redis = connect(settings)
    guard = egress(settings)
    default = default_account(settings, guard)
    desk = Desk(
        ledger=Ledger(redis, settings.status_ttl_seconds),
        keys=OpeningKeys(settings.private_keys, secret),
        limits=limits(settings),
        pool=connections(settings, guard),
        default=Route(default.account, connections(settings, default.egress), default) if default else None,
    )
    return desk, Records(redis)


def connect(settings: WorkerSettings) -> Redis:
    """A client that waits for a Redis that is away; one silent retry, for connections that died at rest."""
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
    return Redis(connection_pool=pool)


def connections(settings: WorkerSettings, guard: Egress) -> Pool:
    """The pool of one policy; tokens are fetched by the same."""
    return Pool(guard, settings.idle_connections, Tokens(ca_file=ca_file(settings)), simulator=settings.simulator)


def egress(settings: WorkerSettings) -> Egress:
    """Whom this worker may connect to; never our own Redis or API."""
    return Egress(
        ports=settings.egress_ports,
        allow_networks=settings.egress_allow_networks,
        nat64_prefixes=settings.egress_nat64_prefixes,
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
    """The addresses of one of our own hosts; any address may be its, while its name is not known."""
    try:
        return [str(item[4][0]).partition("%")[0] for item in getaddrinfo(host, None, family=AF_UNSPEC, type=SOCK_STREAM)]
    except (OSError, UnicodeError):
        return ["0.0.0.0"]  # noqa: S104 -- nothing is bound: the port is denied everywhere


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
        chunking=settings.chunking,
        mechanisms=settings.sasl_mechanisms,
        ca_file=ca_file(settings),
    )


def ca_file(settings: WorkerSettings) -> str | None:
    """The operator's own authorities, beside the system's."""
    return str(settings.smtp_ca_file) if settings.smtp_ca_file else None
