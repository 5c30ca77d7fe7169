"""What mail servers do wrong becomes a state and a class that say so."""

from typing import Any

import pytest

from catcher import authority
from catcher.process import Running
from tests.system.client import Client
from tests.system.rough_server import rough_server
from tests.system.running_stack import RunningStack
from tests.system.submissions import account, changed, nobody, submission, without


def told(status: dict[str, Any]) -> tuple[str, str, str, int | None, str | None, bool]:
    """State, class, phase, codes, and whether it is for good."""
    failure = status["failure"]
    return status["state"], failure["class"], failure["phase"], failure["smtp_code"], failure["enhanced_code"], failure["permanent"]


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("refuse@example.org", ("failed", "recipient_unknown", "rcpt", 550, "5.1.1", True)),
        ("full@example.org", ("deferred", "mailbox_full", "rcpt", 452, "4.2.2", False)),
        ("defer-1@example.org", ("deferred", "greylisted", "rcpt", 451, "4.7.1", False)),
        ("reject-data@example.org", ("failed", "content_rejected", "reply", 554, "5.7.1", True)),
        ("drop-dot@example.org", ("unknown", "outcome_unknown", "dot", None, None, True)),
        ("drop-body@example.org", ("deferred", "connection_lost", "data", None, None, False)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_fault_of_a_server_has_its_state_and_class(
    client: Client, catcher: Running, recipient: str, expected: tuple[object, ...]
) -> None:
    _, status = client.deliver(submission(account(catcher), recipient))
    assert told(status) == expected
    assert status["failure"]["advice"]
    assert status["failure"]["help"] == f"/docs/failures#{status['failure']['class']}"
    if status["state"] == "deferred":
        assert (status["purged"], client.cancel(status["id"]).json["state"]) == (False, "canceled")


def test_a_lost_answer_to_the_dot_is_reported_and_never_sent_twice(client: Client, catcher: Running) -> None:
    receipt, status = client.deliver(submission(account(catcher), "drop-dot@example.org"))
    assert (status["state"], status["attempts"], status["recipients"]["unconfirmed"], status["purged"]) == ("unknown", 1, [0], True)
    assert len([mail for mail in catcher.mails() if mail["message_id"] == receipt["message_id"]]) == 1


def test_one_refused_recipient_makes_it_partial_and_the_others_have_the_mail(client: Client, catcher: Running) -> None:
    receipt, status = client.deliver(submission(account(catcher), "a@example.org", "refuse@example.org", "c@example.org"))
    assert (status["state"], status["failure"]["class"]) == ("partial", "recipient_unknown")
    assert status["recipients"] == {
        "total": 3, "accepted": [0, 2], "refused": [{"index": 1, "class": "recipient_unknown"}], "unconfirmed": [], "pending": [],
    }  # fmt: skip
    found = [mail["envelope_to"] for mail in catcher.mails() if mail["message_id"] == receipt["message_id"]]
    assert found == [["a@example.org", "c@example.org"]]


def test_one_deferred_recipient_is_tried_again_and_the_others_keep_their_mail(client: Client, catcher: Running) -> None:
    receipt, status = client.deliver(submission(account(catcher), "a@example.org", "defer@example.org"))
    assert (status["state"], status["recipients"]["accepted"], status["recipients"]["pending"]) == ("deferred", [0], [1])
    assert [mail["envelope_to"] for mail in catcher.mails() if mail["message_id"] == receipt["message_id"]] == [["a@example.org"]]
    assert client.cancel(receipt["id"]).problem == (409, "too-late")


def test_all_refused_is_failed(client: Client, catcher: Running) -> None:
    _, status = client.deliver(submission(account(catcher), "refuse@a.example", "refuse@b.example"))
    refused = [{"index": index, "class": "recipient_unknown"} for index in (0, 1)]
    assert (status["state"], status["recipients"]["refused"], status["purged"]) == ("failed", refused, True)


def test_a_wrong_password_fails_at_once(client: Client, catcher: Running) -> None:
    _, status = client.deliver(changed(submission(account(catcher)), ("/account/auth/password", "telltale")))
    assert told(status) == ("failed", "auth_rejected", "auth", 535, "5.7.8", True)
    assert "telltale" not in str(status)


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(client: Client, catcher: Running) -> None:
    for door in ("starttls", "implicit"):
        _, status = client.deliver(without(submission(account(catcher, door)), "/account/ca_pem"))
        assert told(status) == ("failed", "tls_cert_untrusted", "tls", None, None, True)


def test_a_certificate_of_another_name_is_not_taken(client: Client) -> None:
    ca_pem, tls = authority.issue()
    with rough_server(tls=tls, address="127.0.0.2") as server:
        _, status = client.deliver(submission(server.account(ca_pem, kind="none") | {"host": "127.0.0.2"}))
        assert (told(status), server.heard) == (("failed", "tls_cert_hostname", "tls", None, None, True), [])


def test_a_server_without_starttls_gets_no_password(client: Client) -> None:
    with rough_server() as server:
        posted = server.account() | {"tls": "starttls", "auth": {"kind": "password", "user": "u", "password": "telltale"}}
        _, status = client.deliver(submission(posted))
        assert told(status)[:3] == ("failed", "tls_not_offered", "tls")
        assert [line for line in server.heard if not line.startswith((b"EHLO", b"QUIT"))] == []


def test_a_server_that_is_away_defers_the_job_until_it_is_back(client: Client) -> None:
    away = nobody()
    receipt, status = client.deliver(submission(away))
    assert told(status) == ("deferred", "connect_refused", "connect", None, None, False)
    assert (status["attempts"], status["purged"], status["recipients"]["pending"]) == (1, False, [0])
    with rough_server(port=away["port"]) as server:
        status = client.await_state(receipt["id"], "sent")
        assert (status["state"], status["attempts"], status["failure"], len(server.mails)) == ("sent", 2, None, 1)


def test_a_deferred_job_can_be_canceled_and_its_payload_is_gone(client: Client, stack: RunningStack) -> None:
    receipt, status = client.deliver(submission(nobody()))
    with stack.redis() as redis:
        assert (status["state"], redis.exists(f"bp:pay:{receipt['id']}")) == ("deferred", 1)
        answers = [client.cancel(receipt["id"]) for _ in range(2)]
        assert [(answer.status, answer.json["state"], answer.json["purged"]) for answer in answers] == [(200, "canceled", True)] * 2
        assert (redis.exists(f"bp:pay:{receipt['id']}"), redis.zscore("bp:sched", receipt["id"])) == (0, None)
    assert client.status(receipt["id"])["failure"] is None


def test_a_job_that_is_sent_cannot_be_canceled(client: Client, catcher: Running) -> None:
    receipt, status = client.deliver(submission(account(catcher)))
    assert status["state"] == "sent"
    assert client.cancel(receipt["id"]).problem == (409, "too-late")
    assert client.status(receipt["id"])["state"] == "sent"
