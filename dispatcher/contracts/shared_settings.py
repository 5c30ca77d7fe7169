"""Shared settings: what both programs read, and how what is written in one variable becomes several values."""

import re
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dispatcher.contracts.address import addr_spec
from dispatcher.contracts.reach import NAT64_LENGTHS
from dispatcher.contracts.redis_url import RedisUrlWrong, password_in, whereabouts, with_password

ENV_PREFIX: Final = "BEAMPOST_"
URLS: Final = re.compile(r"[\s,]+(?=[a-z]+://)")


class SharedSettings(BaseSettings):
    """What both programs read."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True, cache_strings="none", env_ignore_empty=True
    )

    redis_password_file: Path | None = Field(
        default=None, description="File of the password for Redis, instead of one in `BEAMPOST_REDIS_URL`; the user stays there."
    )
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"), description="Redis or Valkey: `redis://`, `rediss://`, `unix://` or `sentinel://`."
    )
    redis_urls: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="Several of these instead, each for its share of tenants, in an order that stays; comma-separated. See docs/scale.md.",
    )
    shard: int | None = Field(default=None, ge=0, description="Which of these a worker serves: the first one is 0. The API has them all.")
    public_keys: Path = Field(default=Path("keys/public"), description="Folder of the workers' public sealing keys.")
    sealing_suite: Literal["x25519", "x-wing"] = Field(
        default="x25519",
        description="How jobs are sealed: `x25519`, or `x-wing`, which adds ML-KEM-768 against quantum computers; for new keys.",
    )
    key_seconds: int = Field(
        default=86_400, ge=3600, description="For how long a sealing key is active; `beampost keys rotate` is to be run as often."
    )
    secret_file: Path = Field(
        default=Path("keys/secret"),
        description="File of the 32 bytes from which pseudonyms, fingerprints, Message-IDs and admission tags are made.",
    )
    max_recipients: int = Field(default=100, ge=1, le=1000, description="Recipients of one job: to, cc and bcc together.")
    recipients_per_message: int = Field(
        default=100, ge=1, le=1000, description="Recipients of one message; a job with more becomes several under one status."
    )
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
    min_replicas: int = Field(
        default=0,
        ge=0,
        le=5,
        description="Replicas that must hold a job before the API answers 202, and its record before a worker writes the final dot.",
    )
    replica_seconds: float = Field(default=0.2, gt=0, le=5, description="How long these are waited for (Redis' `WAIT`).")
    redis_check: Literal["refuse", "acknowledged"] = Field(
        default="refuse",
        description="What a Redis that writes to a disk, drops keys, or does not let us look does to a start: `refuse` it, or nothing.",
    )
    redis_check_seconds: float = Field(
        default=60, gt=0, le=3600, description="How often a running program looks again whether Redis is safe, and stops while it is not."
    )
    memory_wipe: Literal["auto", "require", "off"] = Field(
        default="auto", description="Whether freed memory is overwritten: where the machine can, or else there is no start, or not."
    )
    sandbox: Literal["auto", "require", "off"] = Field(
        default="auto",
        description="Whether a process gives up to write files, to start programs, and to reach other TCP ports: likewise.",
    )
    strict: bool = Field(default=False, description="Whether a program does not start while `beampost doctor` would tell it something red.")
    simulator: bool = Field(default=True, description="Whether the host `simulator` is a mail server that is played inside the worker.")
    sentry_dsn: SecretStr | None = Field(default=None, description="Where errors are reported, as type and place only.")
    traces_url: SecretStr | None = Field(
        default=None, description="Where spans are sent by OTLP: `http://collector:4318/v1/traces`. Needs the extra `otel`."
    )
    environment: str = Field(default="production", description="The name of this deployment in error reports.")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged.")

    @field_validator("redis_url", "redis_urls")
    @classmethod
    def _whereabouts(cls, value: SecretStr | tuple[SecretStr, ...], known: ValidationInfo) -> SecretStr | tuple[SecretStr, ...]:
        try:
            for url in (each.get_secret_value() for each in (value if isinstance(value, tuple) else (value,))):
                whereabouts(with_password(url, "of the file") if known.data.get("redis_password_file") else url)
        except RedisUrlWrong as wrong:
            raise ValueError("must be one of the URLs in docs/operations.md, with no option that is none of theirs") from wrong
        return value

    @model_validator(mode="after")
    def _shards(self) -> Self:
        if self.redis_urls and "redis_url" in self.model_fields_set:
            raise ValueError("BEAMPOST_REDIS_URL and BEAMPOST_REDIS_URLS exclude each other")
        if len(set(self.redis_urls)) < len(self.redis_urls):
            raise ValueError("BEAMPOST_REDIS_URLS must name each Redis once")
        if self.shard is not None and self.shard >= len(self.redis_urls):
            raise ValueError("BEAMPOST_SHARD must be less than the number of BEAMPOST_REDIS_URLS")
        return self

    @field_validator("redis_urls", mode="before")
    @classmethod
    def _urls(cls, value: object) -> object:
        """A comma is one between two URLs only before a scheme: Sentinels are listed by commas, too."""
        return [url.strip() for url in URLS.split(value) if url.strip()] if isinstance(value, str) else value

    @field_validator("egress_ports", "egress_allow_networks", "egress_nat64_prefixes", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return items(value)

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
        """The Redis URL in clear, with its password, which is read once; of several that of our shard. Raises PasswordUnreadable."""
        return self.redises[self.shard or 0]

    @cached_property
    def redises(self) -> tuple[str, ...]:
        """All of them, likewise."""
        urls = tuple(url.get_secret_value() for url in self.redis_urls or (self.redis_url,))
        if self.redis_password_file is None:
            return urls
        password = password_in(self.redis_password_file)
        return tuple(with_password(url, password) for url in urls)

    @property
    def shards(self) -> int:
        """How many there are."""
        return len(self.redis_urls) or 1

    @property
    def place(self) -> str | None:
        """What our Redis is among them, as it is written in it; None for who was told only of one, whichever it is."""
        return f"{self.shard or 0}/{self.shards}"

    def at(self, shard: int) -> Self:
        """The same, for that one of several."""
        return self.model_copy(update={"shard": shard}) if self.redis_urls else self


def items(value: object) -> object:
    """Of what is separated by commas in the environment."""
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value
