"""App: the public API and the admin API, two ports of one process, built here and served here."""

import asyncio
import gc
import signal
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final, cast

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from dispatcher.api import accounts, admin, debugging, health, jobs, keys, me, metrics, openapi, pauses, preview, problems
from dispatcher.api.debugging import shown
from dispatcher.api.gate import Gate
from dispatcher.api.receiving import ROOM_BYTES, Receiving
from dispatcher.api.shards import Shards, open_shard
from dispatcher.api.unfailing import Unfailing
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.hardening import Hardening
from dispatcher.contracts.privacy import quiet_loop
from dispatcher.contracts.seal import SealingKeys
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.suites import require
from dispatcher.doctor.checkup import Checkup
from dispatcher.intake.api_keys import ApiKeys
from dispatcher.intake.authenticate import Door
from dispatcher.intake.issuers import known
from dispatcher.intake.key_sets import IssuersKeys, fetcher
from dispatcher.intake.pausing import PausingAll

GRACE_SECONDS: Final = 30
ADMIN_GRACE_SECONDS: Final = 5  # nobody at the admin port waits for the end of a job, and a viewer may have ceased to read
PUBLIC: Final = (
    Route("/v1/jobs", shown(jobs.post), methods=["POST"]),
    Route("/v1/jobs/{job_id}", shown(jobs.one), methods=["GET", "DELETE"]),
    Route("/v1/accounts/verify", accounts.verify, methods=["POST"]),
    Route("/v1/render", preview.render, methods=["POST"]),
    Route("/v1/debug-sessions", debugging.every, methods=["GET", "POST"]),
    Route("/v1/debug-sessions/{session_id}", debugging.one, methods=["GET", "DELETE"]),
    Route("/v1/me", me.get, methods=["GET"]),
    Route("/v1/keys", keys.get, methods=["GET"]),
    Route("/v1/info", health.info, methods=["GET"]),
    Route("/v1/openapi.json", openapi.get, methods=["GET"]),
    Route("/docs/failures", openapi.failures, methods=["GET"]),
    Route("/problems/{slug}", problems.describe, methods=["GET"]),
    Route("/livez", health.livez, methods=["GET"]),
    Route("/readyz", health.readyz, methods=["GET"]),
)
ADMIN: Final = (
    Route("/v1/openapi.json", openapi.get_admin, methods=["GET"]),
    Route("/v1/admin/debug", debugging.lasting, methods=["GET"]),
    Route("/v1/admin/debug/{session_id}", debugging.stop, methods=["DELETE"]),
    Route("/v1/admin/failures", admin.failures, methods=["GET"]),
    Route("/v1/admin/stats", admin.stats, methods=["GET"]),
    Route("/metrics", metrics.get, methods=["GET"]),
    Route("/v1/admin/pauses", pauses.every, methods=["GET", "POST"]),
    Route("/v1/admin/pauses/{scope:path}", pauses.end, methods=["DELETE"]),
    Route("/livez", health.livez, methods=["GET"]),
    Route("/readyz", health.readyz, methods=["GET"]),
)


def build(settings: ApiSettings, hardening: Hardening, dashboard: Sequence[Route] = ()) -> tuple[Starlette, Starlette]:
    """The public app and the admin app, with its dashboard, over one set of parts; raises Misconfigured."""
    secret = Secret.read(settings.secret_file)
    require(settings.sealing_suite)
    sealing_keys = SealingKeys(settings.public_keys, secret, settings.sealing_suite)
    sealing_keys.active()
    api_keys = ApiKeys(settings.api_keys_file)
    api_keys.check()
    issuers_keys = IssuersKeys(fetcher(settings.token_ca_file))
    door = Door(api_keys, issuers_keys, known(settings), settings.max_token_bytes)
    each = [open_shard(settings.at(number), secret, sealing_keys, door) for number in range(settings.shards)]
    shards, pausing = Shards(each, secret), PausingAll([shard.pausing for shard in each], door, secret)
    gate, checkup = Gate(settings.body_bytes_at_once), Checkup(settings, hardening)
    apps = []
    for routes in (PUBLIC, (*ADMIN, *dashboard)):
        app = Starlette(routes=routes, middleware=[Middleware(Unfailing)], exception_handlers=problems.HANDLERS)
        app.router.redirect_slashes = False
        app.state.settings, app.state.secret, app.state.sealing_keys = settings, secret, sealing_keys
        app.state.door, app.state.api_keys, app.state.gate = door, api_keys, gate
        app.state.shards, app.state.pausing, app.state.hardening, app.state.checkup = shards, pausing, hardening, checkup
        apps.append(app)
    return apps[0], apps[1]


async def serve(
    settings: ApiSettings, sockets: tuple[socket.socket, socket.socket], hardening: Hardening, dashboard: Sequence[Route] = ()
) -> None:
    """Serves both until SIGTERM or SIGINT; what is in flight is answered first."""
    quiet_loop(asyncio.get_running_loop())
    apps = build(settings, hardening, dashboard)
    shards: Shards = apps[0].state.shards
    servers = [_Server(_config(app, grace)) for app, grace in zip(apps, (GRACE_SECONDS, ADMIN_GRACE_SECONDS), strict=True)]
    stop = asyncio.Event()
    for app in apps:
        app.state.stopping = stop  # who answers for long looks at it
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    for shard in shards.each:
        with suppress(Unavailable):  # a Redis that is away is looked at when it is there
            await shard.watch.begin()
    gc.freeze()
    serving = [asyncio.create_task(server.serve([bound])) for server, bound in zip(servers, sockets, strict=True)]
    stopping = asyncio.create_task(stop.wait())
    watching = [asyncio.create_task(watch) for shard in shards.each for watch in shard.watching()]
    await asyncio.wait([*serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    for shard in shards.each:
        shard.waiting.close()
    await _shut(servers, serving)
    for watch in watching:
        watch.cancel()


async def _shut(servers: Iterable[uvicorn.Server], serving: list[asyncio.Task[None]]) -> None:
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*serving)


class _Server(uvicorn.Server):
    """A server that leaves the signals to `serve`, which stops two of them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


def _config(app: Starlette, grace_seconds: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=grace_seconds,
        http=cast("type[asyncio.Protocol]", partial(Receiving, memoryview(bytearray(ROOM_BYTES)))),
        ws="none",
        loop="none",
    )
