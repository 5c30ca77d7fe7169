"""API settings: what the API reads beside the shared settings."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from dispatcher.contracts.https import place
from dispatcher.contracts.shared_settings import SharedSettings, items

APPS: Final = "ari:cloud:ecosystem::app/"
UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class ApiSettings(SharedSettings):
    """One API process."""

    api_host: str = Field(default="127.0.0.1", description="Where the public API listens.")
    api_port: int = Field(default=8080, ge=0, le=65_535, description="The public API's port.")
    admin_host: str = Field(default="127.0.0.1", description="Where the admin API listens.")
    admin_port: int = Field(default=8081, ge=0, le=65_535, description="The admin API's port.")
    dashboard_seconds: int = Field(
        default=8 * 3600, ge=60, le=8 * 3600, description="How long a sign-in at the dashboard lasts; then the API key is asked for again."
    )
    dashboard_https: bool = Field(
        default=False,
        description="Whether a proxy in front of the admin port speaks https: the dashboard's cookie never travels in clear then.",
    )
    api_keys_file: Path = Field(default=Path("keys/api/api-keys.json"), description="File of the API keys, as hashes.")
    forge_apps: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="The Forge apps whose invocation tokens are taken, by id or ARI (`ari:cloud:ecosystem::app/...`); comma-separated.",
    )
    forge_environments: Annotated[tuple[Literal["PRODUCTION", "STAGING", "DEVELOPMENT"], ...], NoDecode] = Field(
        default=("PRODUCTION",), min_length=1, description="Their environments; `STAGING` and `DEVELOPMENT` are others. Comma-separated."
    )
    forge_licensed: bool = Field(default=False, description="Whether an installation must have an active licence.")
    forge_isolated: bool = Field(default=False, description="Whether tokens of Isolated Clouds are taken, which have keys of their own.")
    forge_jwks_url: str = Field(
        default="https://forge.cdn.prod.atlassian-dev.net/.well-known/jwks.json", description="Where Forge's public keys are."
    )
    forge_token_seconds: int = Field(
        default=300, ge=25, le=3600, description="The longest life of an invocation token; Atlassian's live for 25 s."
    )
    token_issuers_file: Path | None = Field(
        default=None, description="JSON file of other issuers whose tokens (JWT) are taken, as docs/callers.md describes it."
    )
    token_ca_file: Path | None = Field(
        default=None, description="PEM file of certificate authorities, beside the system's, for where issuers' keys are."
    )
    max_token_bytes: int = Field(
        default=64 * 1024,
        ge=4096,
        le=1024 * 1024,
        description="The longest token that is looked at; it is in the head, which is bounded too.",
    )
    public_url: str = Field(default="https://beampost.example", description="The base of problem types, as callers see this service.")
    max_body_bytes: int = Field(default=32 * 1024 * 1024, ge=1024, description="The largest request body.")
    body_seconds: float = Field(default=20.0, gt=0, description="How long a request body may take to arrive.")
    max_head_bytes: int = Field(
        default=128 * 1024, ge=8192, description="The largest head of a request; Forge sends up to 55 KB with a page's context."
    )
    head_seconds: float = Field(
        default=10.0, gt=0, description="How long a caller may take for a request's head, and for what nobody reads."
    )
    redis_seconds: float = Field(default=0.8, gt=0, le=5, description="How long the API waits for Redis before it answers 503.")
    posts_per_minute: int = Field(default=60, ge=1, le=1_000_000, description="New jobs of one tenant a minute.")
    posts_burst: int = Field(default=20, ge=1, le=1_000_000, description="New jobs of one tenant that may come all at once.")
    open_jobs: int = Field(default=200, ge=1, le=10_000_000, description="Jobs of one tenant that have not ended.")
    open_bytes: int = Field(default=64 * 1024 * 1024, ge=1024, description="What these may take in Redis, sealed, in bytes.")
    shed_bulk_percent: int = Field(
        default=70, ge=1, le=100, description="How full Redis' memory may be while jobs of the lane `bulk` are still taken."
    )
    shed_percent: int = Field(default=85, ge=1, le=100, description="How full it may be while any job is still taken.")
    body_bytes_at_once: int = Field(
        default=64 * 1024 * 1024, ge=1024, description="Request bodies in one API process at once, by the lengths that they declare."
    )
    wait_seconds: float = Field(default=20.0, ge=0, le=25, description="The longest that `Prefer: wait` holds an answer back.")
    verifications_per_minute: int = Field(
        default=5, ge=1, le=1000, description="How often a tenant may have a mail account verified within a minute."
    )
    debug_sessions: int = Field(default=10, ge=0, le=1000, description="Debug sessions that all tenants have open at once.")
    debug_seconds: int = Field(default=3600, ge=1, le=3600, description="The longest that a debug session may last.")
    previews_per_minute: int = Field(default=60, ge=1, le=1000, description="How often a tenant may have a page previewed within a minute.")

    @field_validator("forge_apps", "forge_environments", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return items(value)

    @field_validator("forge_apps")
    @classmethod
    def _aris(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        aris = tuple(app if app.startswith(APPS) else APPS + app for app in value)
        if not all(UUID.fullmatch(ari.removeprefix(APPS)) for ari in aris):
            raise ValueError("must be ids of Forge apps, as 0a1b2c3d-0000-4000-8000-000000000000")
        return aris

    @field_validator("forge_jwks_url")
    @classmethod
    def _secure(cls, value: str) -> str:
        if place(value) is None:
            raise ValueError("must be an https URL")
        return value

    @model_validator(mode="after")
    def _waits(self) -> Self:
        if self.replica_seconds * 3 >= self.redis_seconds:
            raise ValueError(
                "BEAMPOST_REPLICA_SECONDS must be less than a third of BEAMPOST_REDIS_SECONDS, which is what one answer may take"
            )
        return self
