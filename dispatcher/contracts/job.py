"""Job: a submission on its way, from the caller's JSON to the status that remains of it."""

import re
import secrets
import time
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from dispatcher.contracts.mail import MAX_NAME, Account, Addressing, Envelope, Layout, Mailbox, Page, Part, PartRole, Site, Url, Value
from dispatcher.contracts.outcome import State
from dispatcher.contracts.wire import INNER_CONTEXT

CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MAX_ENTRIES: Final = 1000
MAX_REPLY_TO: Final = 100
JOB_ID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


class Delivery(StrEnum):
    """One message for everybody, or one for each recipient."""

    SHARED = "shared"
    INDIVIDUAL = "individual"


class Overflow(StrEnum):
    """What happens when attachments pass the limit."""

    FAIL = "fail"
    LINK = "link"


class OnUnknown(StrEnum):
    """What happens when contact is lost after the final dot: at most once, or at least once."""

    REPORT = "report"
    RETRY = "retry"


class Lane(StrEnum):
    """The two queues; interactive goes first."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class Policy(Value, frozen=True):
    """Whom the caller's admin allows as recipients: `example.org`, or `*.example.com` for its sub-domains; empty allows all."""

    allowed_domains: Annotated[tuple[Annotated[str, Meta(max_length=255)], ...], Meta(max_length=MAX_ENTRIES)] = ()


class Callback(Value, frozen=True):
    """Where the final status is told (Standard Webhooks); what it is made of is in no traceback."""

    url: Url
    secret: Annotated[str, Meta(max_length=255)]

    def __repr__(self) -> str:
        return "Callback(...)"


class Submission(Value, frozen=True, rename={"author": "from"}):
    """What the integration posts."""

    author: Mailbox
    to: Annotated[tuple[Mailbox, ...], Meta(min_length=1)]
    subject: str
    page: Page
    site: Site
    account: Account | Literal["default"]
    reply_to: Annotated[tuple[Mailbox, ...], Meta(max_length=MAX_REPLY_TO)] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    message: Annotated[str, Meta(max_length=20_000)] = ""
    user: Mailbox | None = None
    layout: Layout = Layout()
    parts: Annotated[tuple[Part, ...], Meta(max_length=MAX_ENTRIES)] = ()
    delivery: Delivery = Delivery.SHARED
    overflow: Overflow = Overflow.FAIL
    policy: Policy = Policy()
    on_unknown: OnUnknown = OnUnknown.REPORT
    ttl_seconds: Annotated[int, Meta(ge=60)] = 1800
    lane: Lane = Lane.INTERACTIVE
    receipt_key: Annotated[bytes, Meta(min_length=32, max_length=32)] | None = None
    callback: Callback | None = None

    @property
    def recipients(self) -> tuple[Mailbox, ...]:
        """Everybody, in the order that gives each an index: to, cc, bcc."""
        return self.to + self.cc + self.bcc

    def recipients_each(self, most: int) -> int:
        """How many distinct addresses one message has, where the operator allows so many."""
        return 1 if self.delivery is Delivery.INDIVIDUAL else most

    @property
    def acting_user(self) -> Mailbox:
        """Who pressed the button; the author where nobody is named."""
        return self.user or self.author


class Terms(Value, frozen=True):
    """What the API must know of a submission to queue it."""

    ttl_seconds: Annotated[int, Meta(ge=60)] = 1800
    lane: Lane = Lane.INTERACTIVE
    on_unknown: OnUnknown = OnUnknown.REPORT


class Enclosed(msgspec.Struct, frozen=True, array_like=True):
    """A submission that its client has sealed end to end, as the API seals it once more: with what its own seal binds.

    Written as an array, it is never taken for a Job.
    """

    blob: bytes
    kid: str
    tenant: str
    idempotency_key: str
    terms: Terms

    def __repr__(self) -> str:
        return "Enclosed(...)"

    @property
    def info(self) -> bytes:
        """HPKE's `info` of the client's own seal: what she knows, the tenant in clear."""
        return f"{INNER_CONTEXT}\0{self.tenant}\0{self.idempotency_key}\0{self.kid}".encode()

    @property
    def callback(self) -> None:
        """Whom to tell of the end is not known yet."""


class Job(msgspec.Struct, frozen=True):
    """What is sealed: the submission, and the Message-ID that every attempt carries.

    `sender` is the address that the mail comes from where it may not be the author's own; replies then go to the person.
    `left_out` are the names of attachments that were too much, and stand in the mail as links.
    """

    submission: Submission
    message_id: str
    sender: str | None = None
    left_out: tuple[str, ...] = ()

    @property
    def terms(self) -> Terms:
        """What of it is for the queue."""
        return Terms(self.submission.ttl_seconds, self.submission.lane, self.submission.on_unknown)

    @property
    def callback(self) -> Callback | None:
        """Whom to tell of the end."""
        return self.submission.callback

    def sent_from(self, address: str) -> "Job":
        """The same mail from another address."""
        return msgspec.structs.replace(self, sender=address)

    def lighter(self) -> "Job | None":
        """The same mail without its largest attachment; None where there is none, or it may not be left out."""
        attached = [part for part in self.submission.parts if part.role is PartRole.ATTACHMENT]
        if self.submission.overflow is Overflow.FAIL or not attached:
            return None
        largest = max(attached, key=lambda part: len(part.content))
        others = tuple(part for part in self.submission.parts if part is not largest)
        submission = msgspec.structs.replace(self.submission, parts=others)
        return msgspec.structs.replace(self, submission=submission, left_out=(*self.left_out, largest.name))

    def within(self, most_bytes: int) -> "Job":
        """The same mail with no more in its parts than that, as far as attachments may be left out."""
        job = self
        while sum(len(part.content) for part in job.submission.parts) > most_bytes and (lighter := job.lighter()):
            job = lighter
        return job

    def addressing(self) -> Addressing:
        """The visible side of the mail, with the prefix joined to the subject once."""
        posted = self.submission
        reply_to = posted.reply_to
        if not reply_to and (self._is_on_behalf or posted.acting_user.address != posted.author.address):
            reply_to = (posted.acting_user,)
        author = self._on_behalf() if self._is_on_behalf else posted.author
        return Addressing(author, reply_to, posted.to, posted.cc, full_subject(posted))

    def envelopes(self, pending: frozenset[int], most: int) -> tuple[Envelope, ...]:
        """The messages that are still to be transmitted, each to at most so many distinct addresses, or to one."""
        indexes: dict[str, list[int]] = {}
        for index, mailbox in enumerate(self.submission.recipients):
            indexes.setdefault(mailbox.address, []).append(index)
        recipients = tuple((address, tuple(at)) for address, at in indexes.items() if pending.intersection(at))
        sender = self.sender or self.submission.author.address
        each = self.submission.recipients_each(most)
        return tuple(Envelope(sender, recipients[at : at + each]) for at in range(0, len(recipients), each))

    @property
    def _is_on_behalf(self) -> bool:
        return self.sender is not None and self.sender != self.submission.author.address

    def _on_behalf(self) -> Mailbox:
        """`Jane Doe via Acme Wiki`, at the address that may send."""
        author, site = self.submission.author, self.submission.site
        name = f"{author.name or author.address.partition('@')[0]} via {site.name or 'Confluence'}"
        return Mailbox(address=self.sender or author.address, name=name[:MAX_NAME])


class Receipt(msgspec.Struct, frozen=True):
    """The answer to an accepted submission; times are in milliseconds of Redis' clock.

    `posts_left` new ones may follow at once, and after `full_again_seconds` as many as ever; a replay does not tell. What was
    sealed end to end has no `message_id` yet that anybody knows.
    """

    job_id: str
    state: State
    expires_at_ms: int
    message_id: str | None = None
    messages: int = 1
    delivery: Delivery = Delivery.SHARED
    warnings: tuple[str, ...] = ()
    replayed: bool = False
    posts_left: int | None = None
    full_again_seconds: int | None = None


class Status(msgspec.Struct, frozen=True):
    """What is known of a job without opening it; `fates` has one Fate letter for each recipient index.

    `receipts` are sealed to the submitter's key.
    """

    job_id: str
    state: State
    attempts: int
    accepted_at_ms: int
    updated_at_ms: int
    expires_at_ms: int
    fates: str
    purged: bool
    refusals: dict[int, str]
    failure_class: str | None = None
    phase: str | None = None
    smtp_code: int | None = None
    enhanced_code: str | None = None
    permanent: bool | None = None
    warnings: tuple[tuple[str, int], ...] = ()
    receipts: bytes = b""


def full_subject(submission: Submission) -> str:
    """The subject with its prefix, which is never doubled."""
    prefix, subject = submission.layout.subject_prefix.strip(), submission.subject.strip()
    behind = subject[len(prefix) : len(prefix) + 1]
    is_longer_word = prefix[-1:].isalnum() and (behind.isalnum() or behind == "_")
    return subject if subject.startswith(prefix) and not is_longer_word else f"{prefix} {subject}"


def new_job_id() -> str:
    """A ULID: 48 bits of time, 80 random bits, 26 characters."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
