"""Settings: the operator's words, read from BEAMPOST_ variables once at the start; a misspelt one stops it."""

import os
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.job import Lane

ENV_PREFIX: Final = "BEAMPOST_"
S = TypeVar("S", bound="SharedSettings")


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
    sentry_dsn: SecretStr | None = Field(default=None, description="Where errors are reported, as type and place only.")
    environment: str = Field(default="production", description="The name of this deployment in error reports.")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged.")

    @field_validator("egress_ports", "egress_allow_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value

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


class WorkerSettings(SharedSettings):
    """What a worker reads besides."""

    private_keys: Path = Field(default=Path("keys/private"), description="Folder of the private sealing keys; the API never sees it.")
    slots: int = Field(default=200, ge=1, le=5000, description="Jobs that one worker process dispatches at once.")
    lanes: Annotated[tuple[Lane, ...], NoDecode] = Field(
        default=(Lane.INTERACTIVE, Lane.BULK), description="Lanes this worker serves, the first one first."
    )
    lease_seconds: float = Field(
        default=30.0, ge=3, description="How long a claimed job is a worker's own before it is renewed or given to another."
    )
    slice_seconds: float = Field(default=30.0, gt=0, description="How long one doorbell keeps claiming.")
    sweep_seconds: float = Field(default=0.5, gt=0, description="How often due deferrals and dead leases are looked for.")
    ehlo_name: str = Field(default="beampost.invalid", description="The name a worker gives in EHLO, unless the account has one.")
    smtp_ca_file: Path | None = Field(default=None, description="PEM file of further certificate authorities for mail servers.")
    connect_seconds: float = Field(default=15.0, gt=0, description="Connecting to one address of a mail server.")
    reply_seconds: float = Field(default=60.0, gt=0, description="Waiting for a reply to EHLO, MAIL, RCPT or DATA.")
    dot_seconds: float = Field(default=300.0, gt=0, le=600, description="Waiting for the reply to the final dot.")

    @field_validator("lanes", mode="before")
    @classmethod
    def _lanes(cls, value: object) -> object:
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
