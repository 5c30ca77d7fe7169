"""End to end: what its client sealed is mailed like any other submission, and the API never sees it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from catcher.process import Running
from dispatcher.contracts.key_set import signed_set
from dispatcher.contracts.keyring import read_keys
from dispatcher.contracts.signed import new_signing_key
from dispatcher.intake.api_keys import create_api_key
from dispatcher.intake.caller import Scope
from tests.system.client import Client
from tests.system.door import paused
from tests.system.running_stack import LOOPBACK, ROOT, RunningStack, running_stack
from tests.system.sealed import Sealer
from tests.system.submissions import account, changed, nobody, submission
from tests.system.traces import Markers, everything_in


@pytest.fixture
def sealer(client: Client) -> Sealer:
    return Sealer(client)


def mails(catcher: Running, subject: str) -> list[Any]:
    return [mail for mail in catcher.mails() if mail["subject"] == subject]


def test_a_sealed_submission_is_mailed(sealer: Sealer, catcher: Running) -> None:
    mark = Markers()
    receipt, status = sealer.deliver(changed(submission(account(catcher), "a@example.org", "b@example.org"), ("/subject", mark("subject"))))
    assert (sorted(receipt), receipt["state"]) == (["expires_at", "id", "state"], "queued")
    assert (status["state"], status["attempts"], status["recipients"]["total"], status["recipients"]["accepted"]) == ("sent", 1, 2, [0, 1])
    assert len(mails(catcher, mark("subject"))) == 1


def test_its_message_id_is_the_one_that_a_plain_post_has(sealer: Sealer, catcher: Running) -> None:
    mark = Markers()
    document = changed(submission(account(catcher)), ("/subject", mark("subject")))
    jwk, key = sealer.key(), f"same-{mark('key')}"
    job = sealer.send(sealer.blob(document, key, jwk), key, jwk["kid"]).json["id"]
    assert sealer.client.await_state(job)["state"] == "sent"
    other = Client(sealer.client.base, sealer.client.key)
    assert other.post(document, key).problem == (422, "key-reused")
    (mail,) = mails(catcher, mark("subject"))
    assert mail["message_id"].endswith("@example.com>")


def test_until_a_worker_opened_it_nobody_knows_to_whom_it_goes(sealer: Sealer, stack: RunningStack) -> None:
    with paused(stack, "all"):
        answer = sealer.post(submission(nobody()))
        with stack.redis() as redis:
            fields = {name.decode() for name in redis.hgetall(f"bp:job:{answer.json['id']}")}
        status = sealer.client.status(answer.json["id"])
        sealer.client.cancel(answer.json["id"])
    assert status["recipients"] == {"total": None, "accepted": [], "refused": [], "unconfirmed": [], "pending": []}
    assert {"dp", "hp", "dclass", "n"} & fields == set()


def test_the_api_and_redis_never_see_it(sealer: Sealer, stack: RunningStack) -> None:
    mark = Markers()
    document = changed(submission(nobody()), ("/subject", mark("subject")), ("/page/body", mark("body")))
    answer = sealer.post(document)
    with stack.redis() as redis:
        seen = everything_in(redis)
    assert (answer.status, mark.found(seen), mark.found(answer.body)) == (202, [], [])
    sealer.client.cancel(answer.json["id"])


def test_the_same_octets_are_the_same_job_and_others_are_refused(sealer: Sealer) -> None:
    jwk, key = sealer.key(), "the-same-key-again"
    blob = sealer.blob(submission(nobody()), key, jwk)
    first, again = (sealer.send(blob, key, jwk["kid"]) for _ in range(2))
    assert (again.status, again.json["id"], again.headers["idempotency-replayed"]) == (202, first.json["id"], "true")
    assert sealer.send(sealer.blob(submission(nobody()), key, jwk), key, jwk["kid"]).problem == (422, "key-reused")
    sealer.client.cancel(first.json["id"])


def test_its_terms_come_as_a_query_and_stand_inside_too(sealer: Sealer, catcher: Running) -> None:
    document = changed(submission(account(catcher)), ("/lane", "bulk"), ("/ttl_seconds", 120), ("/on_unknown", "retry"))
    _, status = sealer.deliver(document, "?lane=bulk&ttl_seconds=120&on_unknown=retry")
    assert status["state"] == "sent"
    for query in ("", "?lane=bulk&ttl_seconds=120", "?lane=bulk&ttl_seconds=121&on_unknown=retry"):
        _, status = sealer.deliver(document, query)
        assert (status["state"], status["failure"]["class"]) == ("failed", "submission_invalid")


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("?lane=fast", ("/lane", "not_allowed")),
        ("?ttl_seconds=59", ("/ttl_seconds", "not_allowed")),
        ("?ttl_seconds=999999", ("/ttl_seconds", "not_allowed")),
        ("?ttl_seconds=soon", ("/ttl_seconds", "wrong_type")),
        ("?urgent=1", ("", "unknown_field")),
        ("?lane=bulk&lane=bulk", ("", "not_allowed")),
    ],
)
def test_terms_that_cannot_be_are_refused(sealer: Sealer, query: str, error: tuple[str, str]) -> None:
    assert sealer.post(submission(nobody()), query).errors == [error]


@pytest.mark.parametrize(
    "wrong",
    [
        b"{",
        b"\xff\xfe",
        b"{}",
        b"[" * 100_000,
        changed(submission(nobody()), ("/to/0/address", "nobody")),
        changed(submission(nobody()), ("/unknown", 1)),
        changed(submission(nobody()), ("/account", {"host": "169.254.169.254", "port": 587, "tls": "starttls"})),
        changed(submission(nobody()), ("/receipt_key", "short")),
    ],
    ids=["half", "no utf-8", "empty", "deep", "address", "unknown field", "host", "receipt key"],
)
def test_what_would_have_been_refused_at_the_door_fails_by_its_class(sealer: Sealer, wrong: object) -> None:
    _, status = sealer.deliver(wrong)
    assert (status["state"], status["failure"]["class"], status["failure"]["permanent"]) in {
        ("failed", "submission_invalid", True),
        ("failed", "host_forbidden", True),
    }
    assert status["purged"] is True


def test_a_key_that_we_do_not_have_is_refused(sealer: Sealer) -> None:
    jwk = sealer.key()
    blob = sealer.blob(submission(nobody()), "some-key-00", jwk)
    assert sealer.send(blob, "some-key-00", "AAAAAAAAAAA").errors == [("/key_id", "not_allowed")]
    assert sealer.send(blob, "some-key-00", "").errors == [("/key_id", "missing")]
    assert sealer.send(b"short", "some-key-00", jwk["kid"]).errors == [("", "missing")]


@pytest.mark.parametrize("kind", ["bit", "cut", "other key", "other tenant"])
def test_a_seal_that_is_broken_or_transplanted_opens_nothing(sealer: Sealer, kind: str) -> None:
    jwk, key = sealer.key(), f"broken-{kind.replace(' ', '-')}"
    blob = sealer.blob(submission(nobody()), key, jwk)
    changed_blob = {
        "bit": blob[:60] + bytes([blob[60] ^ 1]) + blob[61:],
        "cut": blob[:-1],
        "other key": sealer.blob(submission(nobody()), "another-key", jwk),
        "other tenant": Sealer(sealer.client, "another").blob(submission(nobody()), key, jwk),
    }
    job = sealer.send(changed_blob[kind], key, jwk["kid"]).json["id"]
    status = sealer.client.await_state(job)
    assert (status["state"], status["failure"]["class"], status["recipients"]["total"]) == ("failed", "payload_undecryptable", None)


def test_another_tenants_octets_are_not_mailed_for_whoever_replays_them(stack: RunningStack, sealer: Sealer) -> None:
    keys = Path(stack.environment_of("api")["BEAMPOST_API_KEYS_FILE"])
    thief = Client(sealer.client.base, create_api_key(keys, "thief", (Scope.SUBMIT, Scope.READ), None, ()))
    jwk, key = sealer.key(), "stolen-key-1"
    blob = sealer.blob(submission(nobody()), key, jwk)
    job = Sealer(thief).send(blob, key, jwk["kid"]).json["id"]
    assert thief.await_state(job)["failure"]["class"] == "payload_undecryptable"


def test_an_account_that_is_full_makes_a_sealed_job_wait_like_any_other(sealer: Sealer, catcher: Running) -> None:
    jobs = [sealer.post(submission(account(catcher), f"n{number}@example.org")).json["id"] for number in range(12)]
    ended = [sealer.client.await_state(job) for job in jobs]
    assert [(status["state"], status["attempts"]) for status in ended] == [("sent", 1)] * 12


def test_the_example_seals_posts_and_takes_no_key_that_the_root_has_not_signed(catcher: Running, tmp_path: Path) -> None:
    root = new_signing_key()
    document = tmp_path / "submission.json"
    document.write_text(json.dumps(submission(account(catcher))))
    with running_stack(*LOOPBACK) as stack:
        public = Path(stack.environment_of("api")["BEAMPOST_PUBLIC_KEYS"])
        (public / "signed.jws").write_text(signed_set(read_keys(public), root))
        command = [sys.executable, ROOT / "examples" / "seal.py", stack.facts["api"], stack.facts["api_key"], "local", document]
        posted = subprocess.run([*command, root.x], capture_output=True, text=True, check=True)
        assert stack.client().await_state(json.loads(posted.stdout)["id"])["state"] == "sent"
        refused = subprocess.run([*command, new_signing_key().x], capture_output=True, text=True, check=False)
        assert (refused.returncode, "InvalidSignature" in refused.stderr) == (1, True)
