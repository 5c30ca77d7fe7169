"""Sandbox: the TCP ports that the API has business at, and so all that it reaches once it is confined; it listens already."""

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.https import place
from dispatcher.contracts.own_ports import own_ports
from dispatcher.intake.issuers import known


def ports(settings: ApiSettings) -> frozenset[int] | None:
    """None, which is any, while no Sentinel says where Redis is. Keys of token issuers are fetched from the web."""
    own = own_ports(settings)
    return None if own is None else own | {found.port for issuer in known(settings).values() if (found := place(issuer.jwks_url))}
