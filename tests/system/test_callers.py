"""Callers: keys, Forge's tokens and those of another issuer at a running service, each with jobs of its own."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from catcher import authority
from tests.dispatcher.intake.key_server import key_server
from tests.dispatcher.intake.tokens import APP, EC, IDP, OTHER_RSA, RSA, forge_claims, idp_claims, signed
from tests.system.client import Answer, Client
from tests.system.door import SMALL, order
from tests.system.running_stack import RunningStack, memory_folder, running_stack

FORGE_PROBLEM: Final = "application/json"
TENANT: Final = f"forge:{forge_claims()['app']['installationId']}"
OTHER: Final = "ari:cloud:ecosystem::installation/99999999-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    """Without workers, so that jobs stay open; the two issuers' keys are on this machine."""
    pem, tls = authority.issue()
    with memory_folder() as room, key_server(tls, [EC]) as idp, key_server(tls, [RSA]) as forge:
        written = {
            name: getattr(IDP, name) for name in ("name", "issuer", "audience", "algorithms", "tenant_claim", "scopes_claim", "scopes")
        }
        (room / "issuers.json").write_text(json.dumps([written | {"jwks_url": f"{idp}/keys"}]))
        (room / "ca.pem").write_text(pem)
        files = {"token_issuers_file": room / "issuers.json", "token_ca_file": room / "ca.pem"}
        with running_stack("--workers", "0", log_level="DEBUG", forge_apps=APP, forge_jwks_url=f"{forge}/keys", **files) as started:
            yield started


def forge(stack: RunningStack, **changes: Any) -> Client:  # noqa: ANN401 -- JSON
    return Client(stack.facts["api"], signed(forge_claims(**changes)))


def installed(installation: str) -> dict[str, Any]:
    return {"app": forge_claims()["app"] | {"installationId": installation}}


def idp(stack: RunningStack, jti: str = "1", *scopes: str, port: str = "api") -> Client:
    return Client(stack.facts[port], signed(idp_claims(jti=jti, scope=" ".join(scopes or ("jobs:submit", "jobs:read"))), EC, "ES256"))


def said(answer: Answer) -> tuple[int, str, str]:
    """Status, kind and media type of a problem."""
    return answer.status, answer.json["type"].rpartition("/")[2], answer.headers["content-type"]


def test_each_kind_of_caller_submits_and_sees_its_own_job(stack: RunningStack) -> None:
    for client in (stack.client(), forge(stack), idp(stack)):
        receipt = client.submit(SMALL)
        assert client.status(receipt["id"])["state"] == "queued"
        assert client.cancel(receipt["id"]).json["state"] == "canceled"


def test_a_token_of_forge_is_used_as_often_as_it_is_good(stack: RunningStack) -> None:
    client = forge(stack)
    assert {client.get(f"/v1/jobs/{client.submit(SMALL)['id']}").status for _ in range(3)} == {200}


def test_anybody_elses_job_is_not_there(stack: RunningStack) -> None:
    callers = {"key": stack.client(), "forge": forge(stack), "other forge": forge(stack, **installed(OTHER)), "idp": idp(stack)}
    jobs = {name: client.submit(SMALL)["id"] for name, client in callers.items()}
    for name, job_id in jobs.items():
        for other in callers.keys() - {name}:
            path, client = f"/v1/jobs/{job_id}", callers[other]
            asked = [client.get(path), client.cancel(job_id), client.ask("GET", path, Prefer="wait=20")]
            assert [(answer.status, answer.json["type"].rpartition("/")[2]) for answer in asked] == [(404, "job-unknown")] * 3
        assert callers[name].status(job_id)["state"] == "queued"


def test_an_idempotency_key_is_each_tenants_own(stack: RunningStack) -> None:
    posted = [client.post(SMALL, "the-same-key") for client in (stack.client(), forge(stack), idp(stack))]
    assert len({answer.json["id"] for answer in posted}) == 3


def test_forge_is_told_of_errors_as_plain_json_and_others_as_problems(stack: RunningStack) -> None:
    late, client = forge(stack, exp=7, iat=7, nbf=7), forge(stack)
    assert said(late.post(SMALL)) == (401, "unauthenticated", FORGE_PROBLEM)
    assert said(client.post(b"{")) == (400, "malformed-json", FORGE_PROBLEM)
    assert said(client.get("/v1/jobs/none")) == (404, "job-unknown", FORGE_PROBLEM)
    assert idp(stack).post(b"{").problem == (400, "malformed-json")
    assert Client(stack.facts["api"], "a.b.c").post(SMALL).problem == (401, "unauthenticated")


def test_a_token_may_fill_64_kib_and_a_head_128(stack: RunningStack) -> None:
    def sized(characters: int) -> Client:
        return forge(stack, context={"cloudId": "cloud-1", "extension": "x" * (characters * 3 // 4 - 1100)})

    clients = [sized(61_000), sized(71_000), sized(141_000)]
    assert [len(client.key or "") // 1000 for client in clients] == [60, 70, 140]
    assert [client.post(SMALL).status for client in clients] == [202, 401, 431]


@pytest.mark.parametrize("token", ["." * 100_000, "a." * 30_000, "e" * 65_000, "\xe9", "bp_" + "x" * 60_000], ids=len)
def test_what_is_no_token_is_refused_at_once(stack: RunningStack, token: str) -> None:
    assert Client(stack.facts["api"], token).post(SMALL).problem == (401, "unauthenticated")


def test_two_who_call_at_once_are_nobody(stack: RunningStack) -> None:
    client = stack.client()
    connection = HTTPConnection(urlsplit(client.base).netloc)
    with closing(connection):
        connection.putrequest("GET", "/v1/jobs/none")
        for token in (client.key, forge(stack).key):
            connection.putheader("Authorization", f"Bearer {token}")
        connection.endheaders()
        assert client.keep(connection).problem == (401, "unauthenticated")


def test_forge_may_debug_and_not_administer(stack: RunningStack) -> None:
    client = forge(stack)
    assert client.get("/v1/debug-sessions").status == 200
    assert said(Client(stack.facts["admin"], client.key).get("/v1/admin/failures")) == (403, "forbidden", FORGE_PROBLEM)


def test_one_administers_with_a_token_once(stack: RunningStack) -> None:
    client = idp(stack, "once", "admin", port="admin")
    assert client.get("/v1/admin/failures").status == 200
    assert client.get("/v1/admin/failures").problem == (401, "unauthenticated")
    assert order(idp(stack, "2", "admin", port="admin"), scope=f"tenant:{TENANT}", reason="A test.", minutes=1).json["by"] == "idp"
    ended = idp(stack, "3", "admin", port="admin").ask("DELETE", f"/v1/admin/pauses/tenant:{TENANT}")
    assert (ended.status, ended.json["pauses"]) == (200, [])


def test_a_token_that_was_used_up_for_administration_still_submits(stack: RunningStack) -> None:
    client = idp(stack, "both", "admin", "jobs:submit", port="admin")
    assert client.get("/v1/admin/failures").status == 200
    assert Client(stack.facts["api"], client.key).submit(SMALL)["state"] == "queued"


def test_a_tenant_that_no_issuer_of_ours_has_cannot_be_paused(stack: RunningStack) -> None:
    assert order(stack.admin(), scope="tenant:jwt:other:x", reason="A test.", minutes=1).errors == [("/scope", "not_allowed")]


def test_forges_headers_for_its_own_calls_are_not_heeded(stack: RunningStack) -> None:
    tokens = {"x_forge_oauth_system": "telltale-system", "x_forge_oauth_user": "telltale-user"}
    answer = forge(stack).ask("GET", "/v1/jobs/none", **tokens)
    assert (answer.status, b"telltale" in answer.body) == (404, False)


def test_while_the_keys_cannot_be_read_callers_are_told_to_come_again(stack: RunningStack) -> None:
    path = Path(stack.environment_of("api")["BEAMPOST_API_KEYS_FILE"])
    whole, client = path.read_bytes(), stack.client()
    path.write_bytes(whole[:-5])
    try:
        assert client.post(SMALL).problem == (503, "busy")
        assert client.get("/readyz").json["reasons"] == ["no_api_keys"]
        assert forge(stack).post(SMALL).status == 202
    finally:
        path.write_bytes(whole)
    assert (client.get("/readyz").status, client.post(SMALL).status) == (200, 202)


def test_a_hundred_who_come_at_once_are_all_let_in(stack: RunningStack) -> None:
    with ThreadPoolExecutor(20) as pool:
        statuses = set(pool.map(lambda _: forge(stack).get("/v1/jobs/none").status, range(100)))
    assert statuses == {404}


def test_nothing_of_a_token_is_logged(stack: RunningStack) -> None:
    marked = forge(
        stack, principal="telltale-person", context={"cloudId": "cloud-1", "siteUrl": "https://telltale.atlassian.net"}, jti="telltale"
    )
    worse = Client(stack.facts["api"], signed(forge_claims(principal="telltale"), OTHER_RSA, kid="telltale"))
    assert (marked.post(SMALL).status, worse.post(SMALL).status) == (202, 401)
    log = stack.log.read_text()
    assert [word in log for word in ("telltale", marked.key, worse.key, "installation")] == [False] * 4
