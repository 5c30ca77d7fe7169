"""Limits: what a tenant may have, and when it may come again, as header fields (draft-ietf-httpapi-ratelimit-headers-10)."""

import math

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import CheckedOften, PreviewedOften, QuotaExhausted, RateLimited
from dispatcher.contracts.job import Receipt


def after_post(settings: ApiSettings, receipt: Receipt) -> dict[str, str]:
    """How many new jobs may follow at once, and when as many as ever may; a replay costs nothing, and does not tell."""
    fields = {"RateLimit-Policy": _of_posts(settings)}
    if receipt.posts_left is not None:
        fields["RateLimit"] = f'"{RateLimited.limit}";r={receipt.posts_left};t={receipt.full_again_seconds}'
    return fields


def at_limit(settings: ApiSettings, error: RateLimited) -> dict[str, str]:
    """Which limit was reached, and until when."""
    return {"RateLimit-Policy": _policy(settings, error), "RateLimit": f'"{error.limit}";r=0;t={error.retry_after_seconds}'}


def come_again(seconds: int, spread: float) -> int:
    """After so many seconds or up to half as many more, lest all come at once; spread is from 0 to 1."""
    return seconds + round(spread * math.ceil(seconds / 2))


def _of_posts(settings: ApiSettings) -> str:
    full_again_seconds = math.ceil(60 * settings.posts_burst / settings.posts_per_minute)
    posts = f'"{RateLimited.limit}";q={settings.posts_burst};w={full_again_seconds}'
    return f'{posts}, "{QuotaExhausted.limit}";q={settings.open_jobs}'


def _policy(settings: ApiSettings, error: RateLimited) -> str:
    if isinstance(error, CheckedOften):
        return f'"{error.limit}";q={settings.verifications_per_minute};w=60'
    if isinstance(error, PreviewedOften):
        return f'"{error.limit}";q={settings.previews_per_minute};w=60'
    return _of_posts(settings)
