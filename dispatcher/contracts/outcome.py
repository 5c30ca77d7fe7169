"""Outcome: what became of a transmission, in closed words that are safe to log, count and return."""

from enum import StrEnum
from typing import Final

import msgspec


class Stage(StrEnum):
    """The ten words, in the order in which a job meets them."""

    SUBMIT = "submit"
    SEAL = "seal"
    ENQUEUE = "enqueue"
    CLAIM = "claim"
    OPEN = "open"
    RENDER = "render"
    COMPOSE = "compose"
    TRANSMIT = "transmit"
    PURGE = "purge"
    COUNT = "count"


class SmtpPhase(StrEnum):
    """Where a transaction stood; `dot` begins when the final dot may have left us."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    BANNER = "banner"
    EHLO = "ehlo"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DOT = "dot"
    REPLY = "reply"
    QUIT = "quit"


BEFORE_MAIL: Final = frozenset({SmtpPhase.RESOLVE, SmtpPhase.CONNECT, SmtpPhase.BANNER, SmtpPhase.EHLO, SmtpPhase.TLS, SmtpPhase.AUTH})


class State(StrEnum):
    """The states of a job as its submitter sees them (`committing` is shown as `sending`)."""

    QUEUED = "queued"
    SENDING = "sending"
    DEFERRED = "deferred"
    SENT = "sent"
    PARTIAL = "partial"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


OPEN_STATES: Final = frozenset({State.QUEUED, State.SENDING, State.DEFERRED})


class Fate(StrEnum):
    """What became of one recipient; the value is its letter in the record's `fates` string.

    Accepted is what a server answers for; RFC 5321 section 6.1 knows no "delivered".
    """

    PENDING = "p"
    IN_FLIGHT = "f"
    ACCEPTED = "a"
    REFUSED = "r"
    UNCONFIRMED = "u"


class FailureClass(StrEnum):
    """Why mail failed: with phase and codes the only thing about a failure that is logged, counted or returned.

    Each has a paragraph in docs/failures.md and a sentence of advice in advice.py.
    """

    DNS_NOT_FOUND = "dns_not_found"
    DNS_TEMPORARY = "dns_temporary"
    HOST_FORBIDDEN = "host_forbidden"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECT_UNREACHABLE = "connect_unreachable"
    BANNER_TIMEOUT = "banner_timeout"
    SERVER_BUSY = "server_busy"
    SERVER_REFUSED = "server_refused"
    PROTOCOL_ERROR = "protocol_error"
    TLS_NOT_OFFERED = "tls_not_offered"
    TLS_MODE_MISMATCH = "tls_mode_mismatch"
    TLS_REFUSED = "tls_refused"
    TLS_HANDSHAKE = "tls_handshake"
    TLS_CERT_UNTRUSTED = "tls_cert_untrusted"
    TLS_CERT_EXPIRED = "tls_cert_expired"
    TLS_CERT_HOSTNAME = "tls_cert_hostname"
    AUTH_UNAVAILABLE = "auth_unavailable"
    AUTH_MECHANISM = "auth_mechanism"
    AUTH_REJECTED = "auth_rejected"
    AUTH_APP_PASSWORD = "auth_app_password"  # noqa: S105 -- a class of failure
    AUTH_DISABLED = "auth_disabled"
    AUTH_REQUIRED = "auth_required"
    AUTH_TEMPORARY = "auth_temporary"
    SENDER_REFUSED = "sender_refused"
    SENDER_TEMPORARY = "sender_temporary"
    RECIPIENT_UNKNOWN = "recipient_unknown"
    RECIPIENT_REFUSED = "recipient_refused"
    MAILBOX_FULL = "mailbox_full"
    GREYLISTED = "greylisted"
    RECIPIENT_TEMPORARY = "recipient_temporary"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    MESSAGE_TOO_LARGE = "message_too_large"
    CONTENT_REJECTED = "content_rejected"
    MESSAGE_TEMPORARY = "message_temporary"
    CONNECTION_LOST = "connection_lost"
    TIMEOUT = "timeout"
    OUTCOME_UNKNOWN = "outcome_unknown"
    SMTPUTF8_UNSUPPORTED = "smtputf8_unsupported"
    ADDRESS_INVALID = "address_invalid"
    HEADER_INVALID = "header_invalid"
    RENDER_FAILED = "render_failed"
    RENDER_TIMEOUT = "render_timeout"
    SUBMISSION_INVALID = "submission_invalid"
    SOURCE_FORBIDDEN = "source_forbidden"
    SOURCE_UNAVAILABLE = "source_unavailable"
    PAYLOAD_EXPIRED = "payload_expired"
    PAYLOAD_UNDECRYPTABLE = "payload_undecryptable"
    INTERNAL_ERROR = "internal_error"
    WORKER_LOST = "worker_lost"


TOO_MANY_OF_US: Final = frozenset({FailureClass.RATE_LIMITED, FailureClass.SERVER_BUSY})


class Remark(StrEnum):
    """What a status warns of: the mail goes out, and not quite as asked."""

    SENDER_REPLACED = "sender_replaced"
    ATTACHMENT_LINKED = "attachment_linked"
    CONTENT_REMOVED = "content_removed"
    CSS_RULE_DROPPED = "css_rule_dropped"
    EXTERNAL_IMAGE_BLOCKED = "external_image_blocked"
    EXTERNAL_IMAGE_KEPT = "external_image_kept"
    EXTERNAL_IMAGE_UNREACHABLE = "external_image_unreachable"
    IMAGE_DROPPED = "image_dropped"
    IMAGE_LINKED = "image_linked"
    IMAGE_MISSING = "image_missing"
    MACRO_UNRENDERED = "macro_unrendered"
    TRUNCATED = "truncated"


class Contact(StrEnum):
    """What an attempt teaches about a server and an account."""

    GOOD = "good"
    CROWDED = "crowded"
    DOWN = "down"
    DENIED = "denied"


class Reply(msgspec.Struct, frozen=True):
    """What a mail server answered (RFC 5321 section 4.2); `text` never leaves the worker."""

    code: int
    enhanced_code: str | None = None
    text: tuple[str, ...] = ()


class Failure(msgspec.Struct, frozen=True):
    """One reason for failure: a class and the closed facts around it."""

    failure_class: FailureClass
    phase: SmtpPhase | None = None
    smtp_code: int | None = None
    enhanced_code: str | None = None
    permanent: bool = True
    wait_hint_seconds: int | None = None


class SealedReceipt(msgspec.Struct, frozen=True):
    """All that was said of one message, which the submitter alone can read.

    So many bytes are kept of a job's, and of a tenant's in as long as records live.
    """

    sealed: bytes
    job_bytes: int
    tenant_bytes: int


class Outcome(msgspec.Struct, frozen=True):
    """What became of one message: a fate for every recipient index it named.

    `failure` speaks for the message as a whole, or for its first refused recipient; `refusals` for single recipients by index;
    `warnings` are what the submitter should know although nothing failed, and how often; `contact`, `receipt` and `decided` are of the last
    message, `decided` only where messages before it have their say in `failure`.
    """

    fates: dict[int, Fate]
    failure: Failure | None = None
    refusals: dict[int, Failure] = {}
    warnings: dict[Remark, int] = {}
    contact: Contact | None = None
    receipt: SealedReceipt | None = None
    decided: Failure | msgspec.UnsetType | None = msgspec.UNSET

    @property
    def last(self) -> Failure | None:
        """What decided about the last message; None when it was accepted for everybody."""
        return self.hope if self.decided is msgspec.UNSET else self.decided

    @property
    def pending(self) -> frozenset[int]:
        """The recipients that may be tried again."""
        return frozenset(index for index, fate in self.fates.items() if fate is Fate.PENDING)

    @property
    def hope(self) -> Failure | None:
        """Why those who may be tried again were not accepted; the message's own failure where that is said of nobody."""
        return next((self.refusals[index] for index in sorted(self.pending) if index in self.refusals), self.failure)

    def reason(self, index: int) -> Failure | None:
        """Why this recipient was not accepted."""
        return self.refusals.get(index, self.failure)

    def after(self, earlier: "Outcome") -> "Outcome":
        """Together with those who are still pending after the messages before this one."""
        pending = dict.fromkeys(sorted(earlier.pending - self.fates.keys()), Fate.PENDING)
        reasons = dict.fromkeys(pending, earlier.failure) if earlier.failure else {}
        failure = self.failure or (earlier.hope if pending else None)
        told = {index: reason for index, reason in earlier.refusals.items() if index not in self.fates}
        warnings = earlier.warnings | self.warnings
        refusals = reasons | told | self.refusals
        return Outcome(pending | self.fates, failure, refusals, warnings, self.contact, self.receipt, self.last)

    def with_remarks(self, remarks: dict[Remark, int]) -> "Outcome":
        """The same, and more to know of it."""
        return msgspec.structs.replace(self, warnings=self.warnings | remarks)

    @classmethod
    def all(cls, indexes: frozenset[int], fate: Fate, failure: Failure | None = None) -> "Outcome":
        """One fate for everybody."""
        return cls(dict.fromkeys(sorted(indexes), fate), failure)
