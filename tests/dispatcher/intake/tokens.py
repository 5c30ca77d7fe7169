"""Tokens of tests: an issuer with keys of her own, and what she signs."""

import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.base64url import text
from dispatcher.intake.caller import Scope
from dispatcher.intake.issuers import FORGE, Issuer, known
from dispatcher.intake.tokens import Registry

APP: Final = "ari:cloud:ecosystem::app/0a1b2c3d-0000-4000-8000-000000000000"
RSA: Final = RSAKey.generate_key(2048, {"kid": "forge/invocation-token/wf-1"})
OTHER_RSA: Final = RSAKey.generate_key(2048, {"kid": "forge/invocation-token/wf-2"})
FORGE_ISSUER: Final = known(ApiSettings(forge_apps=APP))[FORGE]
EC: Final = ECKey.generate_key("P-256", {"kid": "ec-1"})
ED: Final = OKPKey.generate_key("Ed25519", {"kid": "ed-1"})
IDP: Final = Issuer(
    name="idp",
    issuer="https://idp.example/",
    audience=("beampost",),
    jwks_url="https://idp.example/jwks.json",
    algorithms=("ES256", "Ed25519", "EdDSA"),
    tenant_claim="tid",
    scopes=(Scope.SUBMIT, Scope.READ, Scope.ADMIN),
    scopes_claim="scope",
)


@dataclass
class Known:
    """Keys by issuer; it counts how often it was asked."""

    keys: dict[str, dict[str, Key]] = field(
        default_factory=lambda: {FORGE: {str(RSA.kid): RSA}, IDP.issuer: {str(key.kid): key for key in (EC, ED)}}
    )
    asked: int = 0

    async def key(self, issuer: Issuer, kid: str) -> Key | None:
        self.asked += 1
        return self.keys[issuer.issuer].get(kid)


def forge_claims(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    """As Atlassian writes them; a change of None takes a claim away."""
    now = int(time.time())
    claims = {
        "iss": FORGE,
        "aud": APP,
        "iat": now,
        "nbf": now,
        "exp": now + 25,
        "jti": "f" * 40,
        "principal": "account-of-somebody",
        "app": {
            "id": APP,
            "appVersion": "1.0.0",
            "installationId": "ari:cloud:ecosystem::installation/11111111-2222-3333-4444-555555555555",
            "apiBaseUrl": "https://api.atlassian.com/ex/confluence/cloud-1",
            "environment": {"type": "PRODUCTION", "id": "env-1"},
            "license": {"isActive": True},
        },
        "context": {"cloudId": "cloud-1", "siteUrl": "https://acme.atlassian.net"},
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def app(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    return {"app": {name: value for name, value in (forge_claims()["app"] | changes).items() if value is not None}}


def idp_claims(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    now = int(time.time())
    claims = {"iss": IDP.issuer, "aud": ["beampost", "other"], "iat": now, "nbf": now, "exp": now + 600, "jti": "1", "tid": "acme"}
    claims |= {"scope": "jobs:submit openid"} | changes
    return {name: value for name, value in claims.items() if value is not None}


def signed(claims: object, key: Key = RSA, algorithm: str = "RS256", **head: Any) -> str:  # noqa: ANN401 -- JSON
    registry = Registry(strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = 1 << 24
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws.serialize_compact({"alg": algorithm, "kid": key.kid} | head, payload, key, registry=registry)


def unsigned(claims: object, **head: Any) -> str:  # noqa: ANN401 -- JSON
    parts = ({"alg": "none", "kid": RSA.kid} | head, claims)
    return ".".join([*(text(json.dumps(part).encode()) for part in parts), "AAAA"])


def hs256_with_the_public_key(claims: object) -> str:
    """The old attack: the public key, known to all, as a secret."""
    head, payload, _ = unsigned(claims, alg="HS256").split(".")
    mac = hmac.digest(RSA.as_pem(private=False), f"{head}.{payload}".encode(), "sha256")
    return ".".join((head, payload, text(mac)))
