"""Fixtures: the ledger of the contracts' tests, a catcher, and both halves of a job's life around them, with keys of their own."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Final

import pytest

from catcher.process import Running, running
from dispatcher.contracts.claim import Claim
from dispatcher.contracts.job import Job, Submission, new_job_id
from dispatcher.contracts.mail import Account, Auth, Mailbox, NoAuth, Page, Site, Tls
from dispatcher.contracts.rotation import new_key
from dispatcher.contracts.seal import Binding, OpeningKeys, SealingKeys
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.intake.doorbell import Doorbell
from dispatcher.intake.submit import Intake
from tests.contracts.conftest import HOUR, Books, books, redis_url, session_books
from workers.office import Desk
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import Pool

__all__ = ["books", "redis_url", "session_books"]
TENANT: Final = "acme"
LOOPBACK: Final = Egress(allow_networks=(ip_network("127.0.0.0/8"),), allow_plaintext=True)


def door(port: int, tls: Tls = Tls.NONE, auth: Auth | None = None, ca_pem: str | None = None) -> Account:
    """A mail server of this machine."""
    return Account(host="127.0.0.1", port=port, tls=tls, auth=auth or NoAuth(), ca_pem=ca_pem)


def submission(account: Account, *to: str, body: str = "<p>Hello</p>", **fields: object) -> Submission:
    """One page to these addresses."""
    whole: dict[str, Any] = {
        "author": Mailbox(address="jane@example.com", name="Jane Doe"),
        "to": tuple(Mailbox(address=address) for address in to or ("max@example.org",)),
        "subject": "Release notes",
        "page": Page(title="Release notes", body=body, url="https://acme.example/wiki/pages/42"),
        "site": Site(url="https://acme.example/wiki", name="Acme Wiki"),
        "account": account,
    }
    return Submission(**whole | fields)


def claim_of(fates: str, **facts: Any) -> Claim:  # noqa: ANN401 -- any fact of a claim
    """Of a job whose recipients have these fates, and for as long as nobody asks a ledger."""
    whole = {"token": 1, "attempt": 1, "now_ms": 0, "accepted_ms": 0, "binding": Binding("acme", new_job_id(), HOUR), "sealed": b""}
    return Claim(**whole | facts, fates=fates)


class Office:
    """The intake, which rings no bell here, and the desk that opens what it sealed."""

    def __init__(self, intake: Intake, desk: Desk) -> None:
        self.intake = intake
        self.desk = desk

    async def enqueue(self, posted: Submission) -> str:
        """The id of a new job."""
        name = new_job_id()
        accepted, _ = await self.intake.enqueue(Job(posted, f"<{name}@example.com>"), name, TENANT)
        return accepted.job_id


@pytest.fixture(scope="session")
def session_office(session_books: Books, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    room = tmp_path_factory.mktemp("keys")
    new_key(room / "public", room / "private", room / "secret")
    secret, doorbell = Secret.read(room / "secret"), Doorbell(redis_url)
    ledger, keys = session_books.ledger, OpeningKeys(room / "private", secret)
    intake = Intake(SharedSettings(), secret, SealingKeys(room / "public", secret), ledger, session_books.records, doorbell)
    yield Office(intake, Desk(ledger, keys, SmtpLimits(dot_seconds=5), Pool(LOOPBACK)))
    doorbell.close()


@pytest.fixture
def office(session_office: Office, books: Books) -> Office:
    """On an empty ledger."""
    assert books.redis.dbsize() == 0
    return session_office


@pytest.fixture(scope="session")
def started_catcher() -> Iterator[Running]:
    with running() as started:
        yield started


@pytest.fixture
def catcher(started_catcher: Running) -> Running:
    started_catcher.empty()
    return started_catcher
