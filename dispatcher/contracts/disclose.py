"""Disclose: what was claimed is opened, however it was sealed; a client's own seal is opened by a worker for the first time."""

from dispatcher.contracts.admit import admit
from dispatcher.contracts.anonymous import named_job
from dispatcher.contracts.errors import SealBroken, SubmissionError, SubmissionInvalid
from dispatcher.contracts.job import Enclosed, Job
from dispatcher.contracts.parse import parse
from dispatcher.contracts.seal import Binding, OpeningKeys
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.unpack import unpack


def disclose(sealed: bytes, binding: Binding, keys: OpeningKeys, rules: SharedSettings) -> Job:
    """The job in clear; raises SealBroken, SubmissionInvalid, and KeysUnreadable."""
    opened = keys.open(sealed, binding)
    try:
        return unpack(opened, Job)
    except SealBroken:
        return _from_client(opened, keys, rules)


def _from_client(opened: bytes, keys: OpeningKeys, rules: SharedSettings) -> Job:
    enclosed = unpack(opened, Enclosed)
    body = keys.open_inner(enclosed.blob, enclosed.kid, enclosed.info)
    try:
        posted = admit(parse(body), rules)
    except SubmissionError:
        raise SubmissionInvalid from None
    job = named_job(posted, enclosed.tenant, enclosed.idempotency_key, keys.secret, rules.default_from)
    if job.terms != enclosed.terms:
        raise SubmissionInvalid
    return job
