"""Errors: what each of us can be unable to do. The docstring is the message; no error takes an argument, so no user data travels in one.

BeampostError
  SubmissionError  .status     the caller can mend it: a problem document
    Malformed, KeyMissing 400 | Unauthenticated 401 | Forbidden 403 | JobUnknown 404 | SlowBody 408 | TooLate 409
    TooLarge 413 | UnsupportedMediaType 415 | KeyReused 422 | Invalid 422 (with a tuple of pointers and codes, set after construction)
    RateLimited, QuotaExhausted, CheckedOften, PreviewedOften 429 (with the seconds to wait)
  JobError         .failure    the job cannot go on: a FailureClass
    SealBroken | SubmissionInvalid | PageUnrenderable | HeaderUnsafe | AddressUnusable | AccountMissing
  Unavailable                  later: a 503, or a retry
    Crowded
  Misconfigured                the operator can mend it: the start stops
"""

from typing import ClassVar

from dispatcher.contracts.outcome import FailureClass


class BeampostError(Exception):
    """Beampost could not do what was asked."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class SubmissionError(BeampostError):
    """The submission cannot be taken."""

    status: ClassVar[int] = 400
    slug: ClassVar[str] = "malformed-json"


class Malformed(SubmissionError):
    """The body is not valid JSON in UTF-8."""


class KeyMissing(SubmissionError):
    """The header Idempotency-Key is missing, or is not 8 to 255 printable ASCII characters."""

    slug = "key-missing"


class Unauthenticated(SubmissionError):
    """The API key or token is missing or not valid."""

    status = 401
    slug = "unauthenticated"


class Forbidden(SubmissionError):
    """The API key or token does not allow this call."""

    status = 403
    slug = "forbidden"


class JobUnknown(SubmissionError):
    """There is no such job, or it is forgotten."""

    status = 404
    slug = "job-unknown"


class SlowBody(SubmissionError):
    """The body did not arrive in time."""

    status = 408
    slug = "slow-body"


class TooLate(SubmissionError):
    """The job can no longer be canceled."""

    status = 409
    slug = "too-late"


class TooLarge(SubmissionError):
    """The body is larger than the limit."""

    status = 413
    slug = "too-large"


class UnsupportedMediaType(SubmissionError):
    """The body is of a media type that this call does not take."""

    status = 415
    slug = "unsupported-media-type"


class KeyReused(SubmissionError):
    """This Idempotency-Key was used with another body."""

    status = 422
    slug = "key-reused"


class Invalid(SubmissionError):
    """The submission is not valid."""

    status = 422
    slug = "invalid-submission"
    errors: "tuple[tuple[str, str], ...]" = ()

    @classmethod
    def because(cls, *errors: tuple[str, str]) -> "Invalid":
        """With pairs of JSON Pointer (RFC 6901, known field names only) and code of the closed list."""
        invalid = cls()
        invalid.errors = errors
        return invalid


class RateLimited(SubmissionError):
    """The tenant has posted too many jobs in a short time."""

    status = 429
    slug = "rate-limited"
    limit: ClassVar[str] = "posts"
    retry_after_seconds: int = 1

    @classmethod
    def until(cls, seconds: int) -> "RateLimited":
        """With the seconds after which one more is allowed."""
        limited = cls()
        limited.retry_after_seconds = seconds
        return limited


class QuotaExhausted(RateLimited):
    """The tenant has as many open jobs, or as much in them, as it may have."""

    slug = "quota-exhausted"
    limit = "open-jobs"


class CheckedOften(RateLimited):
    """The tenant has had mail accounts verified too often within a minute."""

    limit = "checks"


class PreviewedOften(RateLimited):
    """The tenant has had pages previewed too often within a minute."""

    limit = "previews"


class JobError(BeampostError):
    """The job cannot go on."""

    failure: ClassVar[FailureClass] = FailureClass.INTERNAL_ERROR


class SealBroken(JobError):
    """The sealed job does not open under its record and key."""

    failure = FailureClass.PAYLOAD_UNDECRYPTABLE


class SubmissionInvalid(JobError):
    """What was sealed end to end is not a submission that we would have taken."""

    failure = FailureClass.SUBMISSION_INVALID


class PageUnrenderable(JobError):
    """The page cannot be made into a mail."""

    failure = FailureClass.RENDER_FAILED


class PageTooSlow(JobError):
    """The page takes longer to render than is allowed."""

    failure = FailureClass.RENDER_TIMEOUT


class HeaderUnsafe(JobError):
    """A header would not be what was intended."""

    failure = FailureClass.HEADER_INVALID


class AddressUnusable(JobError):
    """An address is not an addr-spec that can stand in an envelope."""

    failure = FailureClass.ADDRESS_INVALID


class AccountMissing(JobError):
    """The job names the default account, and this worker has none."""

    failure = FailureClass.SUBMISSION_INVALID


class Unavailable(BeampostError):
    """A part of the service does not answer; try again later."""

    retry_after_seconds: ClassVar[int] = 1


class Crowded(Unavailable):
    """There is no room now, and what was sent need not have been read."""

    retry_after_seconds = 2


class Misconfigured(BeampostError):
    """The settings do not allow a start."""
