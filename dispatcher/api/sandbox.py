"""Sandbox: the TCP ports that the API has business at, and so all that it reaches once it is confined; it listens already."""

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.https import WEB_PORT
from dispatcher.contracts.own_ports import own_ports


def ports(settings: ApiSettings) -> frozenset[int] | None:
    """None, which is any, while no Sentinel says where Redis is. Keys of token issuers are fetched from the web."""
    own = own_ports(settings)
    return None if own is None else own | {WEB_PORT}
