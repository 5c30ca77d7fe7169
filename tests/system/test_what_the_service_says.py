"""What the service says of itself: health, limits, keys, its contract, and why mail failed."""

from collections import Counter
from typing import Any

import pytest
from openapi_spec_validator import validate

from catcher.process import Running
from dispatcher.contracts.advice import ADVICE
from dispatcher.contracts.outcome import FailureClass
from tests.system.client import Client
from tests.system.running_stack import RunningStack
from tests.system.submissions import account, changed, nobody, submission


def test_it_lives_and_is_ready_on_both_ports(stack: RunningStack) -> None:
    for client in (stack.client(), stack.admin()):
        answers = [Client(client.base, None).get(path) for path in ("/livez", "/readyz")]
        assert [(answer.status, answer.json["status"]) for answer in answers] == [(200, "ok"), (200, "ok")]
        assert (list(answers[0].json), answers[1].json["reasons"]) == (["status"], [])


def test_its_info_tells_limits_and_features(stack: RunningStack, strict: RunningStack) -> None:
    ours, theirs = (Client(each.facts["api"], None).get("/v1/info").json for each in (stack, strict))
    assert ours["name"] == "beampost"
    assert ours["limits"] == {
        "body_bytes": 33_554_432, "head_bytes": 131_072, "message_bytes": 26_214_400, "open_bytes": 67_108_864, "open_jobs": 200,
        "previews_per_minute": 60,
        "posts": {"burst": 1000, "per_minute": 6000}, "recipients": 100, "recipients_per_message": 100, "subject_characters": 255,
        "ttl_seconds": {"least": 60, "most": 14_400}, "verifications_per_minute": 5, "wait_seconds": 20,
    }  # fmt: skip
    assert (ours["features"]["plaintext"], ours["features"]["tls"]) == (True, ["implicit", "starttls", "none"])
    assert (theirs["features"]["plaintext"], theirs["features"]["tls"], theirs["limits"]["body_bytes"]) == (
        False,
        ["implicit", "starttls"],
        20_000,
    )


def test_it_publishes_the_public_half_of_its_key_only(stack: RunningStack) -> None:
    (key,) = Client(stack.facts["api"], None).get("/v1/keys").json["keys"]
    assert sorted(key) == ["created", "crv", "exp", "kid", "kty", "use", "x"]
    assert (key["kty"], key["crv"], key["use"], len(key["kid"])) == ("OKP", "X25519", "enc", 11)


def test_the_contract_of_either_port_is_valid(stack: RunningStack) -> None:
    for client in (stack.client(), stack.admin()):
        validate(client.get("/v1/openapi.json").json)


@pytest.mark.parametrize("slug", ["malformed-json", "key-reused", "busy"])
def test_the_type_of_a_problem_has_a_page(client: Client, slug: str) -> None:
    answer = client.get(f"/problems/{slug}")
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/html")


def test_every_failure_has_its_place_on_the_page_of_advice(client: Client) -> None:
    page = client.get("/docs/failures").body.decode()
    assert [name for name in FailureClass if f"id={name}>" not in page] == []


WINDOWS = ("1h", "24h", "7d")


def outcomes(admin: Client, window: str) -> Counter[str]:
    told: dict[str, Any] = admin.get(f"/v1/admin/stats?window={window}").json
    assert told["window"] == window
    return Counter(told["happened"]["outcomes"])


def test_what_became_of_jobs_is_counted_and_names_no_one(stack: RunningStack, client: Client, catcher: Running) -> None:
    admin = stack.admin()
    before = [outcomes(admin, window) for window in WINDOWS]
    good = submission(account(catcher))
    for document in (
        good,
        good,
        submission(account(catcher), "refuse@example.org", "a@example.org"),
        submission(account(catcher), "drop-dot@example.org"),
    ):
        client.deliver(document)
    client.deliver(changed(good, ("/account/auth/password", "wrong")))
    canceled, _ = client.deliver(submission(nobody()))
    client.cancel(canceled["id"])
    after = [outcomes(admin, window) for window in WINDOWS]
    expected = {"sent": 2, "partial": 1, "unknown": 1, "failed": 1, "canceled": 1}
    assert [now - then for now, then in zip(after, before, strict=True)] == [expected] * len(WINDOWS)


def test_why_mail_failed_is_told_with_advice_and_small_counts_are_not(stack: RunningStack, client: Client, catcher: Running) -> None:
    another_account = ("/account/ehlo_name", "phase.example")  # one whose sign-in was refused already is left alone
    client.deliver(changed(submission(account(catcher)), ("/account/auth/password", "wrong"), another_account))
    for window in WINDOWS:
        told = stack.admin().get(f"/v1/admin/failures?window={window}").json
        listed = {entry["class"]: entry for entry in told["failures"]}
        assert (told["window"], told["hidden_below"], list(listed)) == (window, 5, sorted(listed))
        assert listed["auth_rejected"] == {
            "class": "auth_rejected",
            "count": None,
            "phases": [],
            "advice": ADVICE[FailureClass.AUTH_REJECTED],
            "help": "/docs/failures#auth_rejected",
        }


@pytest.mark.parametrize("window", ["", "2h", "telltale", "1h%0d%0a"])
def test_another_window_is_refused(stack: RunningStack, window: str) -> None:
    for page in ("failures", "stats"):
        answer = stack.admin().get(f"/v1/admin/{page}?window={window}")
        assert answer.errors == [("/window", "not_allowed")]
        assert b"telltale" not in answer.body


def test_what_stands_is_told(stack: RunningStack) -> None:
    now = stack.admin().get("/v1/admin/stats").json["now"]
    (pool,) = (pool for pool in now["pools"] if pool["workers"])
    assert (pool["name"], pool["workers"], pool["drained_until"]) == ("interactive+bulk", 1, None)
    assert (set(now["lanes"]), now["pauses"]) == ({"interactive", "bulk"}, [])
    assert 0 < now["memory"]["redis_bytes"] < now["memory"]["redis_limit_bytes"]
