"""Default account: the operator's own mail server, for jobs that name none; read at the start, and judged as far as that goes offline."""

import dataclasses
import ssl
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import msgspec

from dispatcher.contracts.accounts import flaws, simulated, token_host
from dispatcher.contracts.address import address_literal, host_name, plain
from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.https import WEB_PORT
from dispatcher.contracts.mail import Account, ClientCredentialsAuth
from dispatcher.contracts.worker_settings import WorkerSettings
from workers.signature import Signer
from workers.smtp.egress import Egress, HostForbidden

EVERYWHERE: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))


class DefaultAccountIncomplete(Misconfigured):
    """BEAMPOST_DEFAULT_FROM and BEAMPOST_DEFAULT_ACCOUNT_FILE go together; one of them is missing."""


class DefaultAccountUnreadable(Misconfigured):
    """BEAMPOST_DEFAULT_ACCOUNT_FILE cannot be read, or is not an account in JSON as a submission has it."""


class DefaultHostForbidden(Misconfigured):
    """The default account's host is neither a host name nor an address that may be connected to at its port."""


class DefaultAccountFlawed(Misconfigured):
    """The default account signs in without TLS, or its ehlo_name, token_url or ca_pem is not one."""


class SigningIncomplete(Misconfigured):
    """BEAMPOST_DKIM_KEY_FILE and BEAMPOST_DKIM_SELECTOR go together, and with BEAMPOST_DEFAULT_FROM; one of them is missing."""


class SigningUnaligned(Misconfigured):
    """BEAMPOST_DKIM_DOMAIN is neither the domain of BEAMPOST_DEFAULT_FROM nor a parent of it, so the signature would not speak for it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnServers(Egress):
    """The guard for servers that the operator named one by one: each at its port, in whatever network, and no other server."""

    named: frozenset[tuple[str, int]]

    async def resolve(self, host: str, port: int) -> tuple[str, ...]:
        """As for anybody's server; raises HostForbidden for one that is not named."""
        if (host_name(host) or host, port) not in self.named:
            raise HostForbidden
        return await super().resolve(host, port)


@dataclasses.dataclass(frozen=True)
class DefaultAccount:
    """Where mail of `account: "default"` goes, through which guard, from whom, and who signs it."""

    account: Account
    address: str
    egress: Egress
    signer: Signer | None = None

    def signed(self, message: bytes) -> bytes:
        """The message under a DKIM-Signature, where the operator gave a key; else as it is. Raises HeaderUnsafe."""
        return self.signer.sign(message) if self.signer else message


def default_account(settings: WorkerSettings, guard: Egress) -> DefaultAccount | None:
    """The operator's account, if she has one; `guard` is the one for callers' accounts. Raises Misconfigured."""
    address, path = settings.default_from, settings.default_account_file
    if (address is None) != (path is None):
        raise DefaultAccountIncomplete
    signer = _signer(settings)
    if address is None or path is None:
        return None
    account = _account(path)
    return DefaultAccount(account, address, _own(account, guard), signer)


def _account(path: Path) -> Account:
    try:
        account = msgspec.json.decode(path.read_bytes(), type=Account)
    except (OSError, ValueError, msgspec.MsgspecError):
        raise DefaultAccountUnreadable from None
    host = host_name(account.host) or account.host
    if simulated(account) or (host_name(host) is None and address_literal(host) is None):
        raise DefaultHostForbidden
    if any(flaws(account)) or not _is_trust(account.ca_pem):
        raise DefaultAccountFlawed
    return msgspec.structs.replace(account, host=host, ehlo_name=host_name(account.ehlo_name) if account.ehlo_name else None)


def _is_trust(ca_pem: str | None) -> bool:
    """Whether it holds certificates, if anything was given."""
    try:
        if ca_pem is not None:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=ca_pem)
    except (OSError, ValueError):
        return False
    return True


def _own(account: Account, guard: Egress) -> OwnServers:
    """Any network for a name, which the operator answers for; one address for an address."""
    literal = address_literal(account.host)
    named = {(account.host, account.port)}
    if isinstance(account.auth, ClientCredentialsAuth):
        named.add((token_host(account.auth.token_url) or "", WEB_PORT))
    kept = {field.name: getattr(guard, field.name) for field in dataclasses.fields(guard)}
    networks = (ip_network(plain(literal)),) if literal else EVERYWHERE
    own = {"ports": frozenset({account.port}), "allow_networks": networks, "allow_plaintext": True, "named": frozenset(named)}
    egress = OwnServers(**kept | own)
    if literal and (getattr(literal, "scope_id", None) or not egress.permits(literal, account.port)):
        raise DefaultHostForbidden
    return egress


def _signer(settings: WorkerSettings) -> Signer | None:
    key_file, selector, address = settings.dkim_key_file, settings.dkim_selector, settings.default_from
    if key_file is None and selector is None and settings.dkim_domain is None:
        return None
    if key_file is None or selector is None or address is None:
        raise SigningIncomplete
    own = address.rpartition("@")[2]
    domain = settings.dkim_domain or own
    if "." not in domain or not f".{own}".endswith(f".{domain}"):  # RFC 7489 section 3.1.1
        raise SigningUnaligned
    return Signer.read(key_file, domain, selector)
