"""Worker settings: what a worker reads beside the shared settings."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from dispatcher.contracts.address import LABEL, host_name
from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.job import Lane
from dispatcher.contracts.shared_settings import SharedSettings, items

RENEWALS_PER_LEASE: Final = 3
DOT_SLACK_SECONDS: Final = 30
PRESET: Final = re.compile(r"(?P<destination>[a-z0-9]+)=(?P<connections>[1-9]\d{0,3})(?:/(?P<per_minute>[1-9]\d{0,4}))?")
PasswordMechanism = Literal["SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"]
InlinerName = Literal["premailer", "css-inline"]


class ShardUnsaid(Misconfigured):
    """BEAMPOST_SHARD must say which of BEAMPOST_REDIS_URLS this worker serves."""


class WorkerSettings(SharedSettings):
    """One worker process."""

    private_keys: Path = Field(default=Path("keys/private"), description="Folder of the private sealing keys; the API never sees it.")
    slots: int = Field(default=200, ge=1, le=5000, description="Jobs that one worker process dispatches at once.")
    lanes: Annotated[tuple[Lane, ...], NoDecode] = Field(
        default=(Lane.INTERACTIVE, Lane.BULK), description="Lanes this worker serves, the first one first."
    )
    question_slots: int = Field(default=64, ge=1, le=1000, description="Mail accounts that one worker process verifies at once.")
    lease_seconds: float = Field(
        default=30.0, ge=3, description="How long a claimed job is a worker's own before it is renewed or given to another."
    )
    renew_seconds: float | None = Field(
        default=None, gt=0, description="How often a lease is renewed: a third of it, which is the default, or more often."
    )
    dot_lease_seconds: float | None = Field(
        default=None,
        gt=0,
        description="The lease behind the fence: 30 s more than `BEAMPOST_DOT_SECONDS`, which is the default; never less than that.",
    )
    sweep_seconds: float = Field(default=0.5, gt=0, description="How often due deferrals and dead leases are looked for.")
    bulk_turn: int = Field(
        default=9, ge=2, le=1000, description="One claim in so many looks into the last of its lanes first, so that it never starves."
    )
    bytes_in_hand: int = Field(
        default=64 * 1024 * 1024,
        ge=1024,
        description="Sealed jobs that one worker process has in hand at once; it claims nothing while it has more.",
    )
    tenant_jobs: int = Field(default=4, ge=1, le=100_000, description="Jobs of one tenant that all workers have in hand at once.")
    host_connections: int = Field(default=10, ge=1, le=100_000, description="Jobs that all workers hand to one mail server at once.")
    account_connections: int = Field(
        default=2,
        ge=1,
        le=100_000,
        description="Jobs that all workers hand to one mail account at once; fewer while it says that this is too much.",
    )
    destination_presets: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("m365=2/25", "google=2", "ses=10", "relay=10"),
        description="By kind of destination, comma-separated: connections, and messages a minute, of an account. `relay`: the default one.",
    )
    breaker_faults: int = Field(
        default=5, ge=1, le=1000, description="Attempts in a row that did not reach an account's server before it is left alone."
    )
    breaker_seconds: float = Field(default=30.0, gt=0, description="For how long; doubled each time that it still does not work.")
    breaker_longest_seconds: float = Field(default=600.0, gt=0, description="For how long at the most.")
    refusal_seconds: float = Field(
        default=60.0, gt=0, description="How long an account is left alone after its sign-in was refused, so that it is not locked out."
    )
    refusals: int = Field(default=3, ge=1, le=100, description="Refused sign-ins after which all queued jobs of the account fail.")
    lock_seconds: float = Field(default=600.0, gt=0, description="How long they do; then one job tries the account again.")
    callback_slots: int = Field(default=16, ge=1, le=1000, description="Callbacks that one worker process tells at once.")
    receipt_bytes: int = Field(
        default=65_536,
        ge=4096,
        le=1_048_576,
        description="What is kept of the sealed receipts of one job, in bytes; what is more is left out, and they say so.",
    )
    tenant_receipt_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=4096,
        description="The same of one tenant, in as long as a status outlives its job.",
    )
    debug_entries: int = Field(
        default=200, ge=10, le=500, description="What is kept of a debug session: its last entries, of 2 KB at most."
    )
    ehlo_name: str = Field(default="beampost.invalid", description="The name a worker gives in EHLO, unless the account has one.")
    sasl_mechanisms: Annotated[tuple[PasswordMechanism, ...], NoDecode] = Field(
        default=("SCRAM-SHA-256", "PLAIN", "LOGIN"),
        min_length=1,
        description="How a worker signs in with a password, the first that the server offers; comma-separated. `CRAM-MD5` is the fourth.",
    )
    smtp_ca_file: Path | None = Field(
        default=None,
        description="PEM file of further certificate authorities for mail servers, where tokens are fetched, and where callbacks are told.",
    )
    connect_seconds: float = Field(default=15.0, gt=0, description="Connecting to one address of a mail server.")
    reply_seconds: float = Field(default=60.0, gt=0, description="Waiting for a reply to EHLO, MAIL, RCPT or DATA.")
    dot_seconds: float = Field(default=300.0, gt=0, le=600, description="Waiting for the reply to the final dot.")

    idle_connections: int = Field(
        default=100,
        ge=0,
        le=200,
        description="Connections that a worker process keeps for a second, ten those of the default account; 0 keeps none.",
    )
    chunking: bool = Field(default=False, description="Whether mail goes by BDAT (RFC 3030) where a server offers it, and not by DATA.")
    inliner: InlinerName = Field(
        default="premailer",
        description="What writes stylesheets into pages: `premailer`, or `css-inline`, which comes with the extra `fast`.",
    )
    page_bytes: int = Field(default=2 * 1024 * 1024, ge=1000, description="A page's body that is rendered at all, in bytes.")
    page_elements: int = Field(default=60_000, ge=100, description="Its elements.")
    page_depth: int = Field(default=500, ge=10, le=1000, description="How deep they may be nested.")
    render_seconds: float = Field(
        default=10.0, gt=0, le=300, description="How long a page may take to be rendered; a preview is waited for 12 s."
    )
    html_bytes: int = Field(default=100_000, ge=20_000, description="The HTML of a mail; what is more is cut: Gmail clips at 102,400.")
    text_bytes: int = Field(default=500_000, ge=20_000, description="The text part of a mail; what is more is cut.")
    picture_megapixels: int = Field(
        default=40, ge=1, le=200, description="A picture that is decoded at all, one at a time; up to 9 MB of memory each, 16 for WebP."
    )
    picture_input_bytes: int = Field(default=10 * 1024 * 1024, ge=1000, description="Its file as it comes.")
    picture_bytes: int = Field(default=1024 * 1024, ge=1000, description="Its file as it is mailed; a larger one becomes a link.")
    pictures_bytes: int = Field(default=8 * 1024 * 1024, ge=1000, description="All pictures of a mail; of more the largest become links.")
    external_pictures: int = Field(
        default=20, ge=0, le=100, description="Foreign pictures of a page that are fetched where a layout embeds them."
    )
    external_picture_seconds: float = Field(default=5.0, gt=0, le=30, description="How long each may take.")
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

    @field_validator("lanes", "sasl_mechanisms", "destination_presets", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return items(value)

    @field_validator("destination_presets")
    @classmethod
    def _presets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(PRESET.fullmatch(item) for item in value):
            raise ValueError("must be a kind of destination, its connections, and messages a minute where they are limited, as m365=2/25")
        return value

    @model_validator(mode="after")
    def _leases(self) -> Self:
        if self.renewal_seconds * RENEWALS_PER_LEASE > self.lease_seconds:
            raise ValueError("BEAMPOST_LEASE_SECONDS must be three times BEAMPOST_RENEW_SECONDS: one late renewal must not cost the job")
        if self.fenced_seconds < self.dot_seconds:
            raise ValueError(
                "BEAMPOST_DOT_LEASE_SECONDS must not be less than BEAMPOST_DOT_SECONDS: a job would be given up while its answer is awaited"
            )
        return self

    @property
    def redis(self) -> str:
        """The URL of the one Redis that it serves; raises ShardUnsaid, PasswordUnreadable."""
        if self.redis_urls and self.shard is None:
            raise ShardUnsaid
        return super().redis

    @property
    def place(self) -> str | None:
        """None for a worker that knows no more than its own Redis."""
        return super().place if self.redis_urls else None

    @property
    def renewal_seconds(self) -> float:
        """From one renewal of a lease to the next."""
        return self.lease_seconds / RENEWALS_PER_LEASE if self.renew_seconds is None else self.renew_seconds

    @property
    def fenced_seconds(self) -> float:
        """The lease behind the fence."""
        return self.dot_seconds + DOT_SLACK_SECONDS if self.dot_lease_seconds is None else self.dot_lease_seconds
