"""Accounts: the rules that a mail account must keep; pure, so that the door and the workers judge alike."""

from collections.abc import Iterator
from typing import Final, Literal

from dispatcher.contracts.address import host_name
from dispatcher.contracts.https import WEB_PORT, place
from dispatcher.contracts.mail import Account, ClientCredentialsAuth, NoAuth, Tls
from dispatcher.contracts.reach import Reach
from dispatcher.contracts.shared_settings import SharedSettings

Complaint = tuple[str, str]
SIMULATOR: Final = "simulator"  # a server that is played inside the worker


def complaints(account: Account | Literal["default"], settings: SharedSettings) -> Iterator[Complaint]:
    """What is wrong with an account that a caller names, as places and codes."""
    if not isinstance(account, Account):
        if settings.default_from is None:
            yield "/account", "server_not_configured"
        return
    yield from _reach(account, settings)
    if account.tls is Tls.NONE and not settings.allow_plaintext:
        yield "/account/tls", "plaintext_forbidden"
    yield from flaws(account)


def flaws(account: Account) -> Iterator[Complaint]:
    """What is wrong with an account whoever names it; where its host may be is not looked at."""
    if account.tls is Tls.NONE and not isinstance(account.auth, NoAuth):
        yield "/account/auth", "plaintext_forbidden"
    if isinstance(account.auth, ClientCredentialsAuth):
        yield from _token_url(account.auth.token_url)
    if account.ehlo_name is not None and host_name(account.ehlo_name) is None:
        yield "/account/ehlo_name", "header_invalid"


def simulated(account: Account | Literal["default"]) -> bool:
    """Whether the server is the one that is played inside the worker."""
    return isinstance(account, Account) and host_name(account.host) == SIMULATOR


def token_host(url: str) -> str | None:
    """The host name of a token URL in its wire form; None where there is none that a token may be fetched from."""
    found = place(url)
    return host_name(found.host) if found and found.port == WEB_PORT else None


def _reach(account: Account, settings: SharedSettings) -> Iterator[Complaint]:
    if simulated(account):
        if not settings.simulator:
            yield "/account/host", "host_forbidden"
        return
    reach = Reach(ports=settings.egress_ports, allow_networks=settings.egress_allow_networks, nat64_prefixes=settings.egress_nat64_prefixes)
    if not reach.admits_host(account.host, account.port):
        yield "/account/host", "host_forbidden"
    if not reach.admits_port(account.port):
        yield "/account/port", "host_forbidden"


def _token_url(url: str) -> Iterator[Complaint]:
    found = place(url)
    if found and found.is_address:
        yield "/account/auth/token_url", "host_forbidden"
    elif token_host(url) is None:
        yield "/account/auth/token_url", "not_allowed"
