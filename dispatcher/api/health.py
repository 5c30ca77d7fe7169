"""Health: whether this process lives, whether it can take jobs, and what it is."""

import dataclasses
import random
from importlib.metadata import version

from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.api.limits import come_again
from dispatcher.api.shards import Shards, shards
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.mail import MAX_SUBJECT
from dispatcher.contracts.seal import SealingKeys
from dispatcher.intake.api_keys import ApiKeys


async def livez(_request: Request) -> Response:
    """200 while the loop turns."""
    return answer({"status": "ok"})


async def readyz(request: Request) -> Response:
    """200 when a submission would be taken, though it be of some tenants only; else 503 with the reasons."""
    reasons = unready(request.app.state)
    seen = shards(request)
    away = await seen.unreachable()
    useless = {number for number, shard in enumerate(seen.each) if number in away or shard.watch.unsafe}
    detail = dataclasses.asdict(request.app.state.hardening) | {"redis": seen.safety}
    if len(seen.each) > 1:
        detail["shards_unreachable"] = away
    if away and len(useless) == len(seen.each):
        reasons.insert(0, "redis_unreachable")
    if reasons:
        seconds = come_again(1, random.random())  # noqa: S311 -- spreading load, not secrets
        return answer({"status": "unavailable", "reasons": reasons, "detail": detail}, 503, {"Retry-After": str(seconds)})
    return answer({"status": "ok", "reasons": [], "detail": detail})


def unready(parts: State) -> list[str]:
    """Why a submission would not be taken, as far as this process knows without asking Redis; `parts` are those of its app."""
    keys: SealingKeys = parts.sealing_keys
    api_keys: ApiKeys = parts.api_keys
    seen: Shards = parts.shards
    reasons = ["redis_unsafe"] if all(shard.watch.unsafe for shard in seen.each) else []
    for reason, check in (("no_sealing_key", keys.active), ("no_api_keys", api_keys.check)):
        try:
            check()
        except Misconfigured:
            reasons.append(reason)
    return reasons


async def info(request: Request) -> Response:
    """Version, limits and features, for whoever sets up an integration."""
    settings: ApiSettings = request.app.state.settings
    limits = {
        "body_bytes": settings.max_body_bytes,
        "head_bytes": settings.max_head_bytes,
        "message_bytes": settings.max_message_bytes,
        "open_bytes": settings.open_bytes,
        "open_jobs": settings.open_jobs,
        "previews_per_minute": settings.previews_per_minute,
        "posts": {"burst": settings.posts_burst, "per_minute": settings.posts_per_minute},
        "recipients": settings.max_recipients,
        "recipients_per_message": settings.recipients_per_message,
        "subject_characters": MAX_SUBJECT,
        "ttl_seconds": {"least": 60, "most": settings.max_ttl_seconds},
        "verifications_per_minute": settings.verifications_per_minute,
        "wait_seconds": int(settings.wait_seconds),
    }
    features = {
        "auth_kinds": ["none", "password", "xoauth2", "oauthbearer", "client_credentials"],
        "default_account": settings.default_from is not None,
        "page_formats": ["export_view", "view", "styled_view", "storage"],
        "plaintext": settings.allow_plaintext,
        "simulator": settings.simulator,
        "tls": ["implicit", "starttls"] + ["none"] * settings.allow_plaintext,
    }
    return answer({"name": "beampost", "version": version("beampost"), "limits": limits, "features": features})
