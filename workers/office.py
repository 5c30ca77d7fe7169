"""Office: what a worker process opens at its start: Redis, keys, the egress guard, connections, the default account, limits."""

from dataclasses import dataclass, field
from socket import AF_UNSPEC, SOCK_STREAM, getaddrinfo
from typing import Final, Literal

from redis.asyncio import Redis

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.claim import Claim
from dispatcher.contracts.courtesy import Courtesy
from dispatcher.contracts.debugging import DebugSessions
from dispatcher.contracts.disclose import disclose
from dispatcher.contracts.errors import AccountMissing
from dispatcher.contracts.hardening import Hardening
from dispatcher.contracts.job import Job
from dispatcher.contracts.keyring import check_private
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.mail import Account
from dispatcher.contracts.outcome import Stage
from dispatcher.contracts.records import Records
from dispatcher.contracts.redis_client import Patience, open_redis
from dispatcher.contracts.redis_primary import watched_ports
from dispatcher.contracts.redis_url import REDIS_PORT, whereabouts
from dispatcher.contracts.seal import OpeningKeys, SealingKeys
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.settings import read
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.stages import stage
from dispatcher.contracts.suites import require
from dispatcher.contracts.worker_settings import WorkerSettings
from workers.default_account import default_account
from workers.diary import Diaries
from workers.render.inliners import inliner_named
from workers.render.limits import RenderLimits
from workers.render.page import Renderer
from workers.route import Route
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import Pool, Rest
from workers.smtp.tokens import Tokens
from workers.smtp.web import Web
from workers.studio import Studio

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 -- nothing is bound: a port that is denied at every address
PATIENT: Final = Patience(connections=32, connect_seconds=5, answer_seconds=10, call_seconds=30, rest_seconds=5)
WATCHED: Final = Patience(connections=32, connect_seconds=2, answer_seconds=3, call_seconds=10, rest_seconds=5)

CALLERS: Final = Rest(idle_seconds=1)  # what rests in one process is no seat, but a connection that the account's server counts


@dataclass(frozen=True)
class Desk:
    """What one worker process dispatches with."""

    ledger: Ledger
    keys: OpeningKeys
    limits: SmtpLimits
    pool: Pool
    studio: Studio = field(default_factory=lambda: Studio(Renderer()))
    default: Route | None = None
    fenced_ms: int = 330_000
    recipients_per_message: int = 100
    max_message_bytes: int = 25 * 1024 * 1024
    rules: SharedSettings = field(default_factory=SharedSettings)
    sealing: SealingKeys | None = None
    diaries: Diaries = field(default_factory=Diaries)

    def open(self, claim: Claim) -> Job:
        """The job in clear, in memory only; raises SealBroken, SubmissionInvalid, KeysUnreadable."""
        with stage(Stage.OPEN):
            return disclose(claim.sealed, claim.binding, self.keys, self.rules)

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


def open_office(settings: WorkerSettings, hardening: Hardening) -> tuple[Desk, Records]:
    """The records, and the desk that jobs are dispatched at; raises Misconfigured, without keys or secret for one."""
    secret = Secret.read(settings.secret_file)
    check_private(settings.private_keys)
    require(settings.sealing_suite)
    redis = connect(settings)
    guard = egress(settings)
    default = default_account(settings, guard)
    desk = Desk(
        ledger=Ledger(
            redis,
            settings.status_ttl_seconds,
            courtesy=Courtesy.of(settings),
            replicas=settings.min_replicas,
            replica_ms=int(settings.replica_seconds * 1000),
        ),
        keys=OpeningKeys(settings.private_keys, secret),
        limits=limits(settings),
        pool=connections(settings, guard, CALLERS),
        studio=studio(settings, guard),
        default=Route(default.account, connections(settings, default.egress, Rest()), default) if default else None,
        fenced_ms=int(settings.fenced_seconds * 1000),
        recipients_per_message=settings.recipients_per_message,
        max_message_bytes=settings.max_message_bytes,
        rules=settings,
        sealing=SealingKeys(settings.public_keys, secret, settings.sealing_suite),
        diaries=Diaries(settings.receipt_bytes, settings.tenant_receipt_bytes, settings.debug_entries, DebugSessions(redis, secret)),
    )
    return desk, Records(redis, hardening)


def studio(settings: WorkerSettings, guard: Egress) -> Studio:
    """Where pages are rendered, with the operator's limits; raises InlinerMissing."""
    renderer = Renderer(RenderLimits.of(settings), inliner_named(settings.inliner))
    return Studio(renderer, Web(ca_file(settings), settings.external_picture_seconds), guard, settings.external_pictures)


def connect(settings: WorkerSettings) -> Redis:
    """A client that waits for a Redis that is away; not for long where Sentinels would name another one meanwhile."""
    return open_redis(settings.redis, WATCHED if whereabouts(settings.redis).primary else PATIENT, "bp-worker")


def connections(settings: WorkerSettings, guard: Egress, rest: Rest) -> Pool:
    """The pool of one policy; tokens are fetched by the same."""
    return Pool(guard, settings.idle_connections, Tokens(ca_file=ca_file(settings)), simulator=settings.simulator, rest=rest)


def egress(settings: WorkerSettings) -> Egress:
    """Whom this worker may connect to; never our own Redis or API."""
    api = read(ApiSettings)
    return Egress(
        ports=settings.egress_ports,
        allow_networks=settings.egress_allow_networks,
        nat64_prefixes=settings.egress_nat64_prefixes,
        denied_endpoints=frozenset().union(*(own_endpoints(url, api) for url in settings.redises)),
        allow_plaintext=settings.allow_plaintext,
    )


def own_endpoints(redis_url: str, api: ApiSettings) -> frozenset[tuple[str, int]]:
    """Addresses and ports of our Redis, Sentinels and API, which no job may name as its mail server; a unix socket has none.

    Which servers the Sentinels watch may change, so their ports are denied everywhere.
    """
    place = whereabouts(redis_url)
    places = [(api.api_host, api.api_port), (api.admin_host, api.admin_port), *place.servers]
    watched = watched_ports(place) or {REDIS_PORT} if place.primary else set()
    return frozenset((address, port) for host, port in places for address in addresses(host)) | {(EVERYWHERE, port) for port in watched}


def addresses(host: str) -> list[str]:
    """The addresses of one of our own hosts; any address may be its, while its name is not known."""
    try:
        return [str(item[4][0]).partition("%")[0] for item in getaddrinfo(host, None, family=AF_UNSPEC, type=SOCK_STREAM)]
    except (OSError, UnicodeError):
        return [EVERYWHERE]


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
