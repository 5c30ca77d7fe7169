"""Roomy: a stack whose quotas and caps are out of the way, since these tests ask for other things."""

from typing import Any, Final

MANY: Final = 1_000_000
ROOMY: Final[dict[str, Any]] = {
    "posts_per_minute": MANY,
    "posts_burst": MANY,
    "open_jobs": MANY,
    "open_bytes": 1024**3,
    "tenant_jobs": 1000,
    "host_connections": 1000,
    "account_connections": 1000,
    "lease_seconds": 3,
    "dot_seconds": 5,
    "dot_lease_seconds": 5,
}
