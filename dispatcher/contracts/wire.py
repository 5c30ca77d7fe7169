"""Wire: every name that the two programs must spell alike."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from dispatcher.contracts.redis_primary import blocking_options
from dispatcher.contracts.redis_url import whereabouts

PREFIX: Final = "bp:"
RING: Final = "ring"
SEAL_CONTEXT: Final = "beampost/v1"
INNER_CONTEXT: Final = "beampost/seal/v1"
ANSWER_CONTEXT: Final = "beampost/v1/answer"
RECEIPT_CONTEXT: Final = "beampost/receipt/v1"
DEBUG_CONTEXT: Final = "beampost/debug/v1"
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
CELLS_KEPT_MS: Final = 14 * 24 * HOUR_MS
MINUTE_MS: Final = 60_000
MINUTES_KEPT_MS: Final = 25 * HOUR_MS
BOUNDS_MS: Final = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_600_000)  # of durations that are counted
IDEMPOTENCY_MS: Final = 24 * HOUR_MS
CALLBACK_KEPT_MS: Final = 31 * 60 * 1000
KEY_SET_SECONDS: Final = 300  # how long a client may use a key set before asking again
SWEPT_AT_ONCE: Final = 500


def bell(lane: str) -> str:
    """The Celery queue of a lane's doorbells; on the server it carries PREFIX too."""
    return f"bell.{lane}"


def key(kind: str, *names: str) -> str:
    """A Redis key, as `bp:job:01J...`."""
    return PREFIX + ":".join((kind, *names))


def broker_url(redis_url: str) -> str:
    """The same server in Celery's spelling, or all Sentinels; what else there is to say of them stands in `broker_settings`."""
    place = whereabouts(redis_url)
    user, password = (quote(place.login.get(name, ""), "") for name in ("username", "password"))
    login = f"{user}:{password}@" if password else ""
    if place.path:
        return f"redis+socket://{login}{quote(place.path)}" + (f"?virtual_host={place.database}" if place.database else "")
    scheme = "sentinel" if place.primary else "rediss" if place.tls else "redis"
    hosts = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in place.servers)
    return ";".join(f"{scheme}://{login}{host}/{place.database}" for host in hosts)


def broker_settings(redis_url: str, lanes: Iterable[str], *, client_name: str, connections: int) -> dict[str, object]:
    """What Celery must be told on both sides of the bell; the reasons stand in docs/decisions/0003-celery-rings-bells.md."""
    place = whereabouts(redis_url)
    sentinels = {"master_name": place.primary, "sentinel_kwargs": blocking_options(place)} if place.primary else {}
    settings: dict[str, object] = {
        "broker_url": broker_url(redis_url),
        "broker_transport_options": {
            **sentinels,
            "ack_emulation": False,
            "client_name": client_name,
            "global_keyprefix": PREFIX,
            "health_check_interval": 5,
            "max_connections": connections,
            "priority_steps": [0],
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "socket_timeout": 10,
        },
        "broker_connection_max_retries": None,
        "broker_connection_retry_on_startup": True,
        "broker_channel_error_retry": True,
        "broker_pool_limit": 2,
        "accept_content": ["json"],
        "enable_utc": True,
        "result_backend": None,
        "task_create_missing_queues": False,
        "task_default_delivery_mode": 1,
        "task_ignore_result": True,
        "task_protocol": 2,
        "task_queues": {bell(lane): {"no_declare": True} for lane in lanes},
        "task_send_sent_event": False,
        "task_serializer": "json",
        "task_store_errors_even_if_ignored": False,
        "timezone": "UTC",
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_disable_rate_limits": True,
        "worker_enable_remote_control": False,
        "worker_hijack_root_logger": False,
        "worker_prefetch_multiplier": 1,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": False,
        "worker_soft_shutdown_timeout": 0,
    }
    if place.tls:
        settings["broker_use_ssl"] = place.encryption
    return settings
