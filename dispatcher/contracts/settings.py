"""Settings: the operator's words, read from BEAMPOST_ variables once at the start; a misspelt one stops it."""

import os
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dispatcher.contracts.address import LABEL, addr_spec, host_name
from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.job import Lane
from dispatcher.contracts.reach import NAT64_LENGTHS

ENV_PREFIX: Final = "BEAMPOST_"
S = TypeVar("S", bound="SharedSettings")
PasswordMechanism = Literal["SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"]


class SharedSettings(BaseSettings):
    """What both programs read."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True, cache_strings="none", env_ignore_empty=True
    )

    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"), description="Redis or Valkey: `redis://`, `rediss://` or `unix://`."
    )
    public_keys: Path = Field(default=Path("keys/public"), description="Folder of the workers' public sealing keys.")
    secret_file: Path = Field(
        default=Path("keys/secret"),
        description="File of the 32 bytes from which pseudonyms, fingerprints, Message-IDs and admission tags are made.",
    )
    max_recipients: int = Field(default=100, ge=1, le=1000, description="Recipients of one job: to, cc and bcc together.")
    max_message_bytes: int = Field(
        default=25 * 1024 * 1024, ge=10_000, description="Attachments and images of one job, in bytes before base64."
    )
    max_ttl_seconds: int = Field(default=14_400, ge=60, le=86_400, description="The longest `ttl_seconds` that a job may ask for.")
    status_ttl_seconds: int = Field(
        default=86_400,
        ge=86_400,
        le=604_800,
        description="How long a status outlives its job; never less than its Idempotency-Key is known.",
    )
    allow_plaintext: bool = Field(default=False, description="Whether an account may say `tls: none`.")
    egress_ports: Annotated[frozenset[int], NoDecode] = Field(
        default=frozenset({465, 587, 2465, 2525, 2587}), description="Ports of mail servers that may be reached; comma-separated."
    )
    egress_allow_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(), description="Networks that are reached on any port although they are private or loopback; comma-separated CIDRs."
    )
    egress_nat64_prefixes: Annotated[tuple[IPv6Network, ...], NoDecode] = Field(
        default=(), description="NAT64 prefixes of this network; the IPv4 address inside is judged. Comma-separated: `64:ff9b::/96`."
    )
    default_from: str | None = Field(
        default=None,
        description='The address that mail of `account: "default"` comes from; the submitter is in Reply-To. Unset: no default account.',
    )
    simulator: bool = Field(default=True, description="Whether the host `simulator` is a mail server that is played inside the worker.")
    sentry_dsn: SecretStr | None = Field(default=None, description="Where errors are reported, as type and place only.")
    environment: str = Field(default="production", description="The name of this deployment in error reports.")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged.")

    @field_validator("egress_ports", "egress_allow_networks", "egress_nat64_prefixes", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _items(value)

    @field_validator("egress_nat64_prefixes")
    @classmethod
    def _nat64(cls, value: tuple[IPv6Network, ...]) -> tuple[IPv6Network, ...]:
        if any(prefix.prefixlen not in NAT64_LENGTHS for prefix in value):
            raise ValueError("must be /32, /40, /48, /56, /64 or /96")
        return value

    @field_validator("default_from")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        address = addr_spec(value) if value else None
        if value and address is None:
            raise ValueError("must be an address, such as wiki@example.org")
        return address

    @property
    def redis(self) -> str:
        """The Redis URL in clear."""
        return self.redis_url.get_secret_value()


class ApiSettings(SharedSettings):
    """What the API reads besides."""

    api_host: str = Field(default="127.0.0.1", description="Where the public API listens.")
    api_port: int = Field(default=8080, ge=0, le=65_535, description="The public API's port.")
    admin_host: str = Field(default="127.0.0.1", description="Where the admin API listens.")
    admin_port: int = Field(default=8081, ge=0, le=65_535, description="The admin API's port.")
    api_keys_file: Path = Field(default=Path("keys/api-keys.json"), description="File of the API keys, as hashes.")
    public_url: str = Field(default="https://beampost.example", description="The base of problem types, as callers see this service.")
    max_body_bytes: int = Field(default=32 * 1024 * 1024, ge=1024, description="The largest request body.")
    body_seconds: float = Field(default=20.0, gt=0, description="How long a request body may take to arrive.")
    redis_seconds: float = Field(default=0.8, gt=0, le=5, description="How long the API waits for Redis before it answers 503.")
    verifications_per_minute: int = Field(
        default=5, ge=1, le=1000, description="How often a tenant may have a mail account verified within a minute."
    )


class WorkerSettings(SharedSettings):
    """What a worker reads besides."""

    private_keys: Path = Field(default=Path("keys/private"), description="Folder of the private sealing keys; the API never sees it.")
    slots: int = Field(default=200, ge=1, le=5000, description="Jobs that one worker process dispatches at once.")
    lanes: Annotated[tuple[Lane, ...], NoDecode] = Field(
        default=(Lane.INTERACTIVE, Lane.BULK), description="Lanes this worker serves, the first one first."
    )
    question_slots: int = Field(default=64, ge=1, le=1000, description="Mail accounts that one worker process verifies at once.")
    lease_seconds: float = Field(
        default=30.0, ge=3, description="How long a claimed job is a worker's own before it is renewed or given to another."
    )
    slice_seconds: float = Field(default=30.0, gt=0, description="How long one doorbell keeps claiming.")
    sweep_seconds: float = Field(default=0.5, gt=0, description="How often due deferrals and dead leases are looked for.")
    ehlo_name: str = Field(default="beampost.invalid", description="The name a worker gives in EHLO, unless the account has one.")
    sasl_mechanisms: Annotated[tuple[PasswordMechanism, ...], NoDecode] = Field(
        default=("SCRAM-SHA-256", "PLAIN", "LOGIN"),
        min_length=1,
        description="How a worker signs in with a password, the first that the server offers; comma-separated. `CRAM-MD5` is the fourth.",
    )
    smtp_ca_file: Path | None = Field(
        default=None, description="PEM file of further certificate authorities for mail servers, and for where tokens are fetched."
    )
    connect_seconds: float = Field(default=15.0, gt=0, description="Connecting to one address of a mail server.")
    reply_seconds: float = Field(default=60.0, gt=0, description="Waiting for a reply to EHLO, MAIL, RCPT or DATA.")
    dot_seconds: float = Field(default=300.0, gt=0, le=600, description="Waiting for the reply to the final dot.")

    idle_connections: int = Field(
        default=100, ge=0, le=200, description="Connections to mail servers that a worker process keeps for ten seconds; 0 keeps none."
    )
    chunking: bool = Field(default=False, description="Whether mail goes by BDAT (RFC 3030) where a server offers it, and not by DATA.")
    default_account_file: Path | None = Field(
        default=None,
        description="JSON file of the default account, as `account` in a submission; for workers alone, as it may hold a password. "
        "Its host may be anywhere, also on a port and in a network that no caller may name; `tls: none` is for an account without sign-in.",
    )
    dkim_key_file: Path | None = Field(
        default=None, description="PEM file of the RSA key that signs mail of the default account (DKIM); for workers alone."
    )
    dkim_selector: str | None = Field(default=None, description="The selector under which DNS has that key's public half.")
    dkim_domain: str | None = Field(
        default=None, description="The domain that signs: the one of `BEAMPOST_DEFAULT_FROM`, which is the default, or a parent of it."
    )

    @field_validator("dkim_selector")
    @classmethod
    def _selector(cls, value: str | None) -> str | None:
        if value and not all(LABEL.fullmatch(label) for label in value.split(".")):
            raise ValueError("must be labels of DNS in lower case, such as mail or 2026-11")
        return value

    @field_validator("dkim_domain")
    @classmethod
    def _domain(cls, value: str | None) -> str | None:
        name = host_name(value) if value else None
        if value and name is None:
            raise ValueError("must be a name of DNS, such as example.org")
        return name

    @field_validator("lanes", "sasl_mechanisms", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return _items(value)


def _items(value: object) -> object:
    """Of what is separated by commas in the environment."""
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


class SettingUnknown(Misconfigured):
    """A BEAMPOST_ variable is not a setting."""


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return ENV_PREFIX + field.upper()


def unknown_variables() -> list[str]:
    """BEAMPOST_ variables of the environment that no setting has."""
    known = {variable(field) for settings in (ApiSettings, WorkerSettings) for field in settings.model_fields}
    return sorted(name for name in os.environ if name.upper().startswith(ENV_PREFIX) and name.upper() not in known)


def complaint(error: Exception) -> str:
    """What is wrong with the settings: the variables' names and the rules they break, never a value."""
    if isinstance(error, SettingUnknown):
        return "unknown setting: " + ", ".join(unknown_variables())
    if isinstance(error, ValidationError):
        found = error.errors(include_input=False, include_context=False, include_url=False)
        return "; ".join(f"{variable(str(item['loc'][0]))}: {item['msg']}" for item in found)
    return str(error)


def read(kind: type[S]) -> S:
    """The settings of one program; raises SettingUnknown, or pydantic's ValidationError."""
    if unknown_variables():
        raise SettingUnknown
    return kind()
