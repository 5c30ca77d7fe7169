"""Https: where an address of the secure web leads, as far as a caller may name one; pure, so that the door and the workers judge alike."""

import re
from typing import Final

import msgspec

from dispatcher.contracts.address import address_literal, host_name

WEB_PORT: Final = 443
MAX_PORT: Final = 65_535
URL: Final = re.compile(  # not urlsplit, which keeps what it has parsed
    r"""https://(?:\[(?P<literal>[^\]@]*)\]|(?P<name>[^/?\#@:\[\]\\]+))(?::(?P<port>[1-9]\d{0,4}))?(?:[/?][!-"$-\[\]-~]*)?""", re.IGNORECASE
)


class Place(msgspec.Struct, frozen=True):
    """A web server: a host name or an address, and a port."""

    host: str
    port: int

    @property
    def is_address(self) -> bool:
        """Whether no name has to be looked up."""
        return address_literal(self.host) is not None


def place(url: str) -> Place | None:
    """Where the URL leads; None when it is not https, leads nowhere, or carries more than a host, a port, a path and a query."""
    parts = URL.fullmatch(url)
    if parts is None:
        return None
    found = Place(parts["literal"] or parts["name"] or "", int(parts["port"] or WEB_PORT))
    is_host = found.is_address or (parts["literal"] is None and host_name(found.host) is not None)
    return found if is_host and found.port <= MAX_PORT else None
