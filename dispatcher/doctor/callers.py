"""Callers: the API keys, and when they end."""

import time
from typing import Final

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.doctor.findings import Finding, green, red, yellow
from dispatcher.intake.api_keys import ApiKeysUnreadable, read_api_keys

SOON_SECONDS: Final = 14 * 86_400
MAKE: Final = "`beampost api-keys create --tenant NAME`"


def callers(settings: ApiSettings) -> list[Finding]:
    """Those of the file; tokens of others are not ours to look at."""
    try:
        keys = read_api_keys(settings.api_keys_file)
    except ApiKeysUnreadable:
        return [red("API keys", "the file cannot be read", f"mend it, or move it away; where there is none, {MAKE}")]
    alive = [key for key in keys if not key.has_expired]
    if not alive and not settings.forge_apps and not settings.token_issuers_file:
        return [yellow("API keys", "nobody has a key that works", MAKE)]
    ending = sum(1 for key in alive if key.expires is not None and key.expires < time.time() + SOON_SECONDS)
    if ending:
        return [yellow("API keys", f"{ending} of {len(alive)} end within 14 days", f"{MAKE} --days N, then `beampost api-keys revoke ID`")]
    return [green("API keys", f"{len(alive)} work, {len(keys) - len(alive)} have ended")]
