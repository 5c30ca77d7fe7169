"""Own ports: the TCP ports at which our own servers are, and the operator's: Redis, Sentinels, Sentry, a collector, a proxy, DNS."""

import os
from itertools import chain
from typing import Final
from urllib.parse import urlsplit

from dispatcher.contracts.redis_primary import watched_ports
from dispatcher.contracts.redis_url import whereabouts
from dispatcher.contracts.shared_settings import SharedSettings

NAME_SERVER: Final = 53  # an answer that is too long for UDP is asked for again by TCP
SCHEMES: Final = {"http": 80, "https": 443}
# Heeded by Sentry's client, and by what sends spans.
PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def own_ports(settings: SharedSettings) -> frozenset[int] | None:
    """None while no Sentinel says where Redis is. Blocks."""
    places = [whereabouts(url) for url in settings.redises]
    watched = [watched_ports(place) for place in places if place.primary]
    if not all(watched):
        return None
    servers = (port for place in places for _, port in place.servers)
    return frozenset({NAME_SERVER, *chain(*watched), *_reported(settings), *servers})


def web_port(url: str) -> int | None:
    """Of an operator's URL; None when it has none."""
    parts = urlsplit(url)
    return parts.port or SCHEMES.get(parts.scheme)


def _reported(settings: SharedSettings) -> set[int]:
    """Where error reports and spans go."""
    told = [url.get_secret_value() for url in (settings.sentry_dsn, settings.traces_url) if url]
    if not told:
        return set()
    urls = [*told, *(os.environ.get(name, "") for name in PROXIES)]
    return {port for port in map(web_port, urls) if port}
