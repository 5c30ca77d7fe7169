"""API settings: what the API reads beside the shared settings."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from dispatcher.contracts.shared_settings import SharedSettings


class ApiSettings(SharedSettings):
    """One API process."""

    api_host: str = Field(default="127.0.0.1", description="Where the public API listens.")
    api_port: int = Field(default=8080, ge=0, le=65_535, description="The public API's port.")
    admin_host: str = Field(default="127.0.0.1", description="Where the admin API listens.")
    admin_port: int = Field(default=8081, ge=0, le=65_535, description="The admin API's port.")
    api_keys_file: Path = Field(default=Path("keys/api-keys.json"), description="File of the API keys, as hashes.")
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
    previews_per_minute: int = Field(default=60, ge=1, le=1000, description="How often a tenant may have a page previewed within a minute.")

    @model_validator(mode="after")
    def _waits(self) -> Self:
        if self.replica_seconds * 3 >= self.redis_seconds:
            raise ValueError(
                "BEAMPOST_REPLICA_SECONDS must be less than a third of BEAMPOST_REDIS_SECONDS, which is what one answer may take"
            )
        return self
