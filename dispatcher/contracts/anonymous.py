"""Anonymous: what the ledger may know of a job, and its Message-ID; keyed, so that nothing can be guessed from them."""

from base64 import b32encode
from collections.abc import Mapping
from typing import Final

import msgspec

from dispatcher.contracts.job import Enclosed, Job, Submission
from dispatcher.contracts.mail import Account
from dispatcher.contracts.outcome import Fate
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.tracing import carried

DESTINATIONS: Final = (
    ("m365", (".office365.com", ".outlook.com", ".protection.outlook.com")),
    ("google", (".gmail.com", ".google.com", ".googlemail.com")),
    ("ses", (".amazonaws.com",)),
    ("sendgrid", (".sendgrid.net",)),
    ("mailgun", (".mailgun.org",)),
)


def record(secret: Secret, job: Job | Enclosed, tenant: str, recipients_per_message: int) -> Mapping[str, str | int]:
    """The job's record at its start; `tenant` is a pseudonym already. Of what is sealed end to end a worker tells the rest."""
    terms: dict[str, str | int] = {"lane": job.terms.lane, "tp": tenant, "on_unknown": job.terms.on_unknown}
    terms |= carried()
    if isinstance(job, Enclosed):
        return terms | {"fates": Fate.PENDING, "size": len(job.blob).bit_length()}
    return terms | dict(destination(secret, job.submission, recipients_per_message))


def destination(secret: Secret, posted: Submission, recipients_per_message: int) -> Mapping[str, str | int]:
    """To whom it goes, as the queues know it; the size is a power of two."""
    return {
        "dp": destination_pseudonym(secret, posted.account),
        "hp": host_pseudonym(secret, posted.account),
        "dclass": destination_class(posted.account),
        "n": len(posted.recipients),
        "fates": Fate.PENDING * len(posted.recipients),
        "each": posted.recipients_each(recipients_per_message),
        "size": sum(len(part.content) for part in posted.parts).bit_length(),
    }


def destination_class(account: Account | str) -> str:
    """One of m365, google, ses, sendgrid, mailgun, relay, other."""
    if isinstance(account, str):
        return "relay"
    host = f".{account.host}"
    return next((name for name, suffixes in DESTINATIONS if host.endswith(suffixes)), "other")


def destination_pseudonym(secret: Secret, account: Account | str) -> str:
    """The same for the same server and credential, and for no other."""
    return secret.pseudonym("destination", msgspec.json.encode(account).decode())


def host_pseudonym(secret: Secret, account: Account | str) -> str:
    """The same for the same server, whoever signs in."""
    return secret.pseudonym("host", account if isinstance(account, str) else account.host)


def named_job(posted: Submission, tenant: str, idempotency_key: str, secret: Secret, default_from: str | None) -> Job:
    """The job of a submission, under its Message-ID."""
    return Job(posted, message_id(secret, tenant, idempotency_key, sender(posted, default_from)))


def sender(posted: Submission, default_from: str | None) -> str:
    """The address in whose domain the mail is named: the author's, or the operator's where her account transmits."""
    return posted.author.address if isinstance(posted.account, Account) or default_from is None else default_from


def message_id(secret: Secret, tenant: str, idempotency_key: str, sender: str) -> str:
    """The same for the same tenant and key, so that whoever receives a re-post after a loss can recognise it (RFC 5322 section 3.6.4)."""
    left = b32encode(secret.digest("message-id", tenant.encode(), idempotency_key.encode())[:20]).decode().lower()
    return f"<{left}@{sender.rpartition('@')[2]}>"
