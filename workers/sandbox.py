"""Sandbox: the TCP ports that a worker has business at, and so all that it reaches once it is confined."""

from pathlib import Path

import msgspec

from dispatcher.contracts.https import WEB_PORT
from dispatcher.contracts.mail import Account
from dispatcher.contracts.own_ports import own_ports
from dispatcher.contracts.worker_settings import WorkerSettings


def ports(settings: WorkerSettings) -> frozenset[int] | None:
    """None, which is any, where the operator named a network, as every port of it is fine, or while no Sentinel says where Redis is."""
    own = None if settings.egress_allow_networks else own_ports(settings)
    if own is None:
        return None
    return own | settings.egress_ports | {WEB_PORT} | _default_port(settings.default_account_file)


def _default_port(path: Path | None) -> frozenset[int]:
    """Of the default account; what is wrong with its file is told where it is read."""
    try:
        return frozenset({msgspec.json.decode(path.read_bytes(), type=Account).port}) if path else frozenset()
    except (OSError, ValueError, msgspec.MsgspecError):
        return frozenset()
