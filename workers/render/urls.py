"""Urls: an address in its parts (RFC 3986, appendix B); not by urllib, which keeps what it has parsed."""

import re
from dataclasses import dataclass
from typing import Final

PATTERN: Final = re.compile(r"(?:([a-z][a-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*).*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Parts:
    """`place` is what stands between the slashes: the host, perhaps with a port, and a user before it. All may be empty."""

    scheme: str
    place: str
    path: str

    @property
    def is_web(self) -> bool:
        """Whether it is http or https with a host."""
        return self.scheme in {"http", "https"} and bool(self.place)

    @property
    def host(self) -> str:
        """In small letters, without brackets."""
        host = self.place.rpartition("@")[2]
        return (host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]).lower()


def split(url: str) -> Parts:
    """Of any text."""
    scheme, place, path = (found or "" for found in PATTERN.fullmatch(url).groups())  # type: ignore[union-attr]  # all of it is optional
    return Parts(scheme.lower(), place, path)
