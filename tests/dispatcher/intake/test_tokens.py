"""Tokens: what Atlassian or another issuer signed for us and for now is believed; each rule keeps somebody out."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from joserfc.jwk import Key

from dispatcher.contracts.base64url import text
from dispatcher.contracts.errors import Unauthenticated
from dispatcher.intake.caller import Caller, Scope
from dispatcher.intake.issuers import FORGE_SCOPES, Issuer
from dispatcher.intake.tokens import parsed, verified
from tests.dispatcher.intake.tokens import (
    APP,
    EC,
    ED,
    FORGE_ISSUER,
    IDP,
    OTHER_RSA,
    RSA,
    Known,
    app,
    forge_claims,
    hs256_with_the_public_key,
    idp_claims,
    signed,
    unsigned,
)  # fmt: skip

NOW: Final = time.time
TWICE: Final = text(b'{"alg":"none","alg":"RS256","kid":"forge/invocation-token/wf-1"}')
INSTALLATION: Final = "forge:ari:cloud:ecosystem::installation/11111111-2222-3333-4444-555555555555"


def caller(token: str, *issuers: Issuer, now: float | None = None) -> Caller:
    known = {issuer.issuer: issuer for issuer in issuers or (FORGE_ISSUER, IDP)}
    return asyncio.run(verified(token, known, Known(), now or NOW()))


def is_refused(token: str, *issuers: Issuer, now: float | None = None) -> bool:
    try:
        caller(token, *issuers, now=now)
    except Unauthenticated:
        return True
    return False


def test_a_token_of_forge_is_an_installations(capsys: pytest.CaptureFixture[str]) -> None:
    found = caller(signed(forge_claims()))
    assert (found.tenant, found.scopes, found.key_id) == (INSTALLATION, FORGE_SCOPES, "forge")
    assert capsys.readouterr() == ("", "")


def test_a_token_without_a_context_comes_from_the_back_end() -> None:
    for context in ({"context": None}, {}):
        claims = forge_claims(context=None, principal=None) | context
        assert caller(signed(claims)).tenant == INSTALLATION


FORGE_RULES: Final[dict[str, Callable[[], str]]] = {
    "RS256 alone: none": lambda: unsigned(forge_claims()),
    "RS256 alone: HS256 with the public key": lambda: hs256_with_the_public_key(forge_claims()),
    "RS256 alone: RS384": lambda: signed(forge_claims(), algorithm="RS384"),
    "RS256 alone: PS256": lambda: signed(forge_claims(), algorithm="PS256"),
    "the head's algorithm is not the signature's": lambda: swapped(signed(forge_claims()), {"alg": "ES256", "kid": RSA.kid}),
    "an unknown key": lambda: signed(forge_claims(), OTHER_RSA),
    "another key under a known name": lambda: signed(forge_claims(), OTHER_RSA, kid=RSA.kid),
    "a kid that is a path": lambda: signed(forge_claims(), OTHER_RSA, kid="../../../../dev/null"),
    "no kid": lambda: swapped(signed(forge_claims()), {"alg": "RS256", "kid": None}),
    "a key of its own": lambda: signed(forge_claims(), OTHER_RSA, jwk=OTHER_RSA.as_dict(private=False)),
    "keys at a place of its own": lambda: signed(forge_claims(), OTHER_RSA, jku="https://evil.example/jwks.json"),
    "certificates at a place of its own": lambda: signed(forge_claims(), OTHER_RSA, x5u="https://evil.example/x5u"),
    "a known name that is critical": lambda: signed(forge_claims(), crit=["kid"]),
    "a payload that says how it is encoded": lambda: signed(forge_claims(), b64=True),
    "something critical": lambda: swapped(signed(forge_claims()), {"alg": "RS256", "kid": RSA.kid, "crit": ["exp"], "exp": 1}),
    "another issuer": lambda: signed(forge_claims(iss="forge/other-token")),
    "no issuer": lambda: signed(forge_claims(iss=None)),
    "no audience": lambda: signed(forge_claims(aud=None)),
    "another app's audience": lambda: signed(forge_claims(aud=APP.replace("0a1b", "ffff"))),
    "an audience that is the token's own idea": lambda: signed(forge_claims(aud="x") | {"app": forge_claims()["app"] | {"id": "x"}}),
    "an app that is not in the audience": lambda: signed(forge_claims(**app(id="ari:cloud:ecosystem::app/other"))),
    "no app": lambda: signed(forge_claims(app=None)),
    "an app that is text": lambda: signed(forge_claims(app=APP)),
    "no exp": lambda: signed(forge_claims(exp=None)),
    "no iat": lambda: signed(forge_claims(iat=None)),
    "no nbf": lambda: signed(forge_claims(nbf=None)),
    "no jti": lambda: signed(forge_claims(jti=None)),
    "an empty jti": lambda: signed(forge_claims(jti="")),
    "over": lambda: signed(forge_claims(exp=NOW() - 6, iat=NOW() - 31, nbf=NOW() - 31)),
    "not yet": lambda: signed(forge_claims(nbf=NOW() + 8)),
    "issued in the future": lambda: signed(forge_claims(iat=NOW() + 8)),
    "lives too long": lambda: signed(forge_claims(exp=NOW() + 301)),
    "an exp that is text": lambda: signed(forge_claims(exp=str(int(NOW() + 25)))),
    "an exp without an end": lambda: signed(forge_claims(exp=1e308)),
    "a development environment": lambda: signed(forge_claims(**app(environment={"type": "DEVELOPMENT"}))),
    "no environment": lambda: signed(forge_claims(**app(environment=None))),
    "an isolated cloud": lambda: signed(forge_claims(context={"icLabel": "secret-cloud"})),
    "an isolated cloud's app": lambda: signed(forge_claims(**app(icLabel="secret-cloud"))),
    "another cloud in the context": lambda: signed(forge_claims(context={"cloudId": "cloud-2"})),
    "another API": lambda: signed(forge_claims(**app(apiBaseUrl="https://evil.example/ex/confluence/cloud-1"))),
    "no API": lambda: signed(forge_claims(**app(apiBaseUrl=None))),
    "no installation": lambda: signed(forge_claims(**app(installationId=None))),
    "an installation with a NUL": lambda: signed(forge_claims(**app(installationId="a\0b"))),
    "an installation with a blank": lambda: signed(forge_claims(**app(installationId="a b"))),
    "claims that are a list": lambda: signed([1, 2]),
    "claims that are no JSON": lambda: signed(b"{"),
    "claims that are no text": lambda: signed(b"\xff\xfe"),
    "claims without a floor": lambda: signed(b"[" * 30_000),
    "claims in UTF-16": lambda: signed(json.dumps(forge_claims()).encode("utf-16")),
    "claims with half a character": lambda: signed(forge_claims(jti="\ud800")),
    "a claim twice": lambda: signed(json.dumps(forge_claims()).encode()[:-1] + b', "iss": "forge/invocation-token"}'),
    "a claim twice, within": lambda: signed(json.dumps(forge_claims()).replace('"id": "env-1"', '"id": "a", "id": "b"').encode()),
    "an exp that is no number": lambda: signed(json.dumps(forge_claims(exp=float("nan"))).encode()),
    "something within that is no number": lambda: signed(forge_claims(context={"cloudId": "cloud-1", "x": float("nan")})),
    "an exp that is infinite": lambda: signed(json.dumps(forge_claims(exp=7)).replace('"exp": 7', '"exp": 1e999').encode()),
    "an exp of 400 digits": lambda: signed(forge_claims(exp=10**400)),
    "an exp of 5,000 digits": lambda: signed(json.dumps(forge_claims(exp=7)).replace('"exp": 7', '"exp": ' + "9" * 5000).encode()),
    "an iat of 400 digits before the world": lambda: signed(forge_claims(iat=-(10**400))),
    "an exp that is true": lambda: signed(forge_claims(exp=True)),
    "an exp before the world": lambda: signed(forge_claims(exp=-1)),
    "a kid that is a line": lambda: signed(forge_claims(), kid="a\nb"),
    "a kid that is a number": lambda: swapped(signed(forge_claims()), {"alg": "RS256", "kid": 1}),
    "a head that is a number": lambda: ".".join([text(b"12"), *signed(forge_claims()).split(".")[1:]]),
    "a head that says alg twice": lambda: ".".join([TWICE, *signed(forge_claims()).split(".")[1:]]),
    "a payload that is not encoded": lambda: swapped(signed(forge_claims()), {"b64": False, "alg": "RS256", "kid": RSA.kid}),
    "nothing": lambda: "",
    "one part": lambda: "eyJhbGciOiJSUzI1NiJ9",
    "four parts": lambda: signed(forge_claims()) + ".x",
    "encrypted": lambda: "a.b.c.d.e",
    "a million dots": lambda: "." * 1_000_000,
    "a head as long as a book": lambda: signed(forge_claims(), x="x" * 5000),
    "a changed byte": lambda: changed(signed(forge_claims())),
    "blanks": lambda: signed(forge_claims()) + "\n",
}


def swapped(token: str, head: dict[str, Any]) -> str:
    return ".".join([unsigned({}, **head).split(".")[0], *token.split(".")[1:]])


def changed(token: str) -> str:
    at = len(token) - 200
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


@pytest.mark.parametrize("rule", FORGE_RULES)
def test_a_token_of_forge_that_breaks_a_rule_is_refused(rule: str) -> None:
    assert is_refused(FORGE_RULES[rule]())


def test_without_an_app_of_ours_no_token_of_forge_is_taken() -> None:
    assert is_refused(signed(forge_claims()), IDP)


def test_clocks_may_differ_by_five_seconds() -> None:
    now = NOW()
    token = signed(forge_claims(iat=now, nbf=now, exp=now + 25))
    assert [is_refused(token, now=now + seconds) for seconds in (-6, -4.5, 29, 31)] == [True, False, False, True]


def test_the_operator_may_want_a_licence_and_take_other_environments_and_isolated_clouds() -> None:
    strict = msgspec.structs.replace(FORGE_ISSUER, licensed=True)
    wide = msgspec.structs.replace(FORGE_ISSUER, environments=("STAGING",), isolated=True)
    unlicensed, staged = (
        signed(forge_claims(**app(license={"isActive": False}))),
        signed(forge_claims(**app(environment={"type": "STAGING"}))),
    )
    assert [is_refused(token, strict) for token in (unlicensed, signed(forge_claims()))] == [True, False]
    assert [is_refused(token, wide) for token in (staged, signed(forge_claims()))] == [False, True]
    assert is_refused(signed(forge_claims(context={"icLabel": "x"}, **app(environment={"type": "STAGING"}))), wide) is False


def test_a_token_for_one_of_our_apps_is_none_for_another_of_ours() -> None:
    other = APP.replace("0a1b", "ffff")
    both = msgspec.structs.replace(FORGE_ISSUER, audience=(APP, other))
    assert [is_refused(signed(forge_claims(aud=aud)), both) for aud in (APP, [APP, other], other)] == [False, False, True]


def test_a_large_context_is_taken() -> None:
    assert caller(signed(forge_claims(context={"cloudId": "cloud-1", "extension": "x" * 40_000}))).tenant == INSTALLATION


@pytest.mark.parametrize("head", [{"jku": "https://a.example/"}, {"x5u": "https://a.example/"}, {"jwk": {"kty": "RSA"}}, {"new": [1]}])
def test_wherever_else_a_head_says_that_keys_are_nobody_looks(head: dict[str, object]) -> None:
    assert caller(signed(forge_claims(), **head)).tenant == INSTALLATION


def test_a_token_tells_nobody_what_it_holds() -> None:
    assert repr(parsed(signed(forge_claims()))) == "Token(...)"


def test_an_audience_of_several_is_taken_when_ours_and_the_apps_are_among_them() -> None:
    assert caller(signed(forge_claims(aud=["x", APP]))).tenant == INSTALLATION
    assert is_refused(signed(forge_claims(aud=["x", APP], **app(id="x"))))


@pytest.mark.parametrize("url", [f"https://api.atlassian.com/ex/confluence/{cloud}" for cloud in ("cloud-1", "cloud-1/")])
def test_the_cloud_is_the_apis(url: str) -> None:
    assert caller(signed(forge_claims(**app(apiBaseUrl=url)))).tenant == INSTALLATION


def test_an_isolated_clouds_api_is_where_it_is_only_if_the_operator_takes_its_tokens() -> None:
    token = signed(forge_claims(**app(apiBaseUrl="https://api.secret.atlassian-isolated.net/ex/confluence/cloud-1")))
    assert [is_refused(token, issuer) for issuer in (FORGE_ISSUER, msgspec.structs.replace(FORGE_ISSUER, isolated=True))] == [True, False]


def test_who_is_not_forge_need_not_say_nbf_and_jti_unless_the_operator_wants_it() -> None:
    token = signed(idp_claims(nbf=None, jti=None), EC, "ES256")
    assert caller(token).once == ("", int(parsed(token).said.exp) + 5)
    assert [is_refused(token, msgspec.structs.replace(IDP, requires=(name,))) for name in ("nbf", "jti")] == [True, True]


def test_an_issuer_has_a_leeway_of_its_own() -> None:
    token, now = signed(idp_claims(), EC, "ES256"), parsed(signed(idp_claims(), EC, "ES256")).said.exp
    lax = msgspec.structs.replace(IDP, leeway_seconds=60)
    assert [is_refused(token, issuer, now=now + 30) for issuer in (IDP, lax)] == [True, False]


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES256"), (ED, "Ed25519"), (ED, "EdDSA")])
def test_another_issuers_token_has_the_tenant_and_the_scopes_that_both_name(key: Key, algorithm: str) -> None:
    found = caller(signed(idp_claims(), key, algorithm))
    assert (found.tenant, found.scopes) == ("jwt:idp:acme", (Scope.SUBMIT,))
    assert caller(signed(idp_claims(scope=["jobs:read", "admin"]), key, algorithm)).scopes == (Scope.READ, Scope.ADMIN)
    assert caller(signed(idp_claims(scope="debug metrics:read"), key, algorithm)).scopes == ()
    assert caller(signed(idp_claims(scope=None), key, algorithm)).scopes == ()


IDP_RULES: Final[dict[str, Callable[[], str]]] = {
    "an algorithm that is not listed": lambda: signed(idp_claims(), RSA, "RS256"),
    "a key of another kind": lambda: signed(idp_claims(), ED, "Ed25519", kid=EC.kid),
    "another audience": lambda: signed(idp_claims(aud=["other"]), EC, "ES256"),
    "an audience that is a number": lambda: signed(idp_claims(aud=[1]), EC, "ES256"),
    "no tenant": lambda: signed(idp_claims(tid=None), EC, "ES256"),
    "a tenant that is a number": lambda: signed(idp_claims(tid=7), EC, "ES256"),
    "a tenant with a NUL": lambda: signed(idp_claims(tid="a\0b"), EC, "ES256"),
    "a tenant without an end": lambda: signed(idp_claims(tid="a" * 201), EC, "ES256"),
    "lives too long": lambda: signed(idp_claims(exp=NOW() + 3601), EC, "ES256"),
}


@pytest.mark.parametrize("rule", IDP_RULES)
def test_another_issuers_token_that_breaks_a_rule_is_refused(rule: str) -> None:
    assert is_refused(IDP_RULES[rule]())


def test_an_issuers_tenant_is_never_another_issuers_nor_an_api_keys() -> None:
    forged = caller(signed(idp_claims(tid=INSTALLATION.removeprefix("forge:")), EC, "ES256")).tenant
    assert (forged == INSTALLATION, forged.startswith("jwt:idp:")) == (False, True)


def test_a_token_that_cannot_be_ours_asks_for_no_key() -> None:
    known = Known()
    for token in (unsigned(forge_claims()), hs256_with_the_public_key(forge_claims()), signed(forge_claims(iss="x"))):
        with pytest.raises(Unauthenticated):
            asyncio.run(verified(token, {FORGE_ISSUER.issuer: FORGE_ISSUER}, known, NOW()))
    assert known.asked == 0
