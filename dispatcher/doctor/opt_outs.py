"""Opt-outs: settings that give away a part of what is promised, or shows that it is kept."""

import ssl
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from dispatcher.contracts.redis_url import whereabouts, with_password
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.worker_settings import WorkerSettings
from dispatcher.doctor.findings import Finding, green, red, yellow

PRODUCTION: Final = "production"
SOON_DAYS: Final = 14
DAY: Final = 86_400
AUTHORITIES: Final = "authorities of mail servers"


def opt_outs(settings: SharedSettings) -> list[Finding]:
    """Each is green where nothing is given away."""
    found = [check(settings) for check in (_plaintext, _redis_in_clear, _simulator, _networks, _acknowledged, _log_level, _reports)]
    if isinstance(settings, WorkerSettings) and settings.smtp_ca_file:
        found.append(_authorities(settings.smtp_ca_file))
    return found


def _plaintext(settings: SharedSettings) -> Finding:
    if settings.allow_plaintext:
        return yellow("mail in clear", "accounts without a sign-in may say `tls: none`", "unset BEAMPOST_ALLOW_PLAINTEXT")
    return green("mail in clear", "refused: mail goes by TLS with a certificate that is verified")


def _redis_in_clear(settings: SharedSettings) -> Finding:
    urls = settings.redis_urls or (settings.redis_url,)
    places = [whereabouts(with_password(url.get_secret_value(), "whatever it is")) for url in urls]
    if all(place.path or place.tls or all(_is_here(host) for host, _ in place.servers) for place in places):
        return green("way to redis", "by TLS, or on this machine")
    return yellow("way to redis", "over a network in clear: ciphertext, and who is busy when", "take rediss:// in BEAMPOST_REDIS_URL")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _simulator(settings: SharedSettings) -> Finding:
    if settings.simulator and settings.environment == PRODUCTION:
        return yellow(
            "simulator", "played in production: a caller may mistake it for a mail server", "BEAMPOST_SIMULATOR=false once all are set up"
        )
    return green("simulator", "off, or not in production")


def _networks(settings: SharedSettings) -> Finding:
    allowed = settings.egress_allow_networks
    if not allowed:
        return green("private networks", "none may be reached")
    widest = min(network.prefixlen for network in allowed)
    seen = f"{len(allowed)} may be reached at any port, the widest is /{widest}"
    return yellow("private networks", seen, "name single hosts in BEAMPOST_EGRESS_ALLOW_NETWORKS, or none")


def _acknowledged(settings: SharedSettings) -> Finding:
    if settings.redis_check == "acknowledged":
        return yellow("redis check", "an unsafe Redis is taken all the same", "unset BEAMPOST_REDIS_CHECK once Redis is safe")
    return green("redis check", "an unsafe Redis is refused")


def _log_level(settings: SharedSettings) -> Finding:
    if settings.log_level == "DEBUG" and settings.environment == PRODUCTION:
        return yellow("log level", "DEBUG in production: nothing leaks, and disks fill", "BEAMPOST_LOG_LEVEL=INFO")
    return green("log level", settings.log_level)


def _reports(settings: SharedSettings) -> Finding:
    return green("error reports", "type and place go to Sentry" if settings.sentry_dsn else "sent nowhere")


def _authorities(path: Path) -> Finding:
    """By the dates of their certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(path)
        ends = [ssl.cert_time_to_seconds(str(one["notAfter"])) for one in context.get_ca_certs()]
    except (OSError, ValueError):
        ends = []
    if not ends:
        return red(AUTHORITIES, "the file cannot be read, or no authority is in it", "mend BEAMPOST_SMTP_CA_FILE: PEM, one or more")
    days = (min(ends) - time.time()) / DAY
    graded: Callable[[str, str, str], Finding] = red if days < 0 else yellow
    if days < SOON_DAYS:
        seen = "one has ended" if days < 0 else f"one ends within {SOON_DAYS} days"
        return graded(AUTHORITIES, seen, "put its successor into BEAMPOST_SMTP_CA_FILE")
    return green(AUTHORITIES, f"{len(ends)}, good for {days:.0f} days at least")
