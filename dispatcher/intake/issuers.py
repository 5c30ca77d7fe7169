"""Issuers: whose tokens we take, by the operator's word alone, and what each of them must say."""

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import Misconfigured, Unauthenticated
from dispatcher.contracts.https import place
from dispatcher.intake.caller import Scope

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"]
Claims = dict[str, Any]
FORGE: Final = "forge/invocation-token"
FORGE_SCOPES: Final = (Scope.SUBMIT, Scope.READ, Scope.DEBUG)
TENANT: Final = re.compile(r"[\x21-\x7e]{1,200}")
CLOUD: Final = re.compile(r"https://(?P<host>[a-z0-9.-]{1,253})/ex/confluence/(?P<id>[A-Za-z0-9-]{1,64})/?")
CLOUDS: Final = "api.atlassian.com"


class IssuersUnreadable(Misconfigured):
    """BEAMPOST_TOKEN_ISSUERS_FILE is not a list of token issuers as docs/callers.md describes it."""


class IssuersAlike(Misconfigured):
    """Two token issuers have one name, or one `issuer`; BEAMPOST_FORGE_APPS adds one that is called `forge`."""


class Issuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One that the operator trusts; `life_seconds` is the longest from a token's iat to its exp."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,40}$")]
    issuer: Annotated[str, Meta(min_length=1)]
    audience: Annotated[tuple[str, ...], Meta(min_length=1)]
    jwks_url: str
    algorithms: Annotated[tuple[Algorithm, ...], Meta(min_length=1)]
    tenant_claim: str = "sub"
    scopes: tuple[Scope, ...] = (Scope.SUBMIT, Scope.READ)
    scopes_claim: str | None = None
    requires: tuple[Literal["nbf", "jti"], ...] = ()
    leeway_seconds: Annotated[int, Meta(ge=0, le=60)] = 5
    life_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 3600

    def __post_init__(self) -> None:
        if place(self.jwks_url) is None:
            raise ValueError

    @property
    def tenants(self) -> str:
        """How the names of its tenants begin, and nobody else's."""
        return f"jwt:{self.name}:"

    def tenant(self, claims: Claims, _audience: tuple[str, ...]) -> str:
        """Whose token it is; raises Unauthenticated."""
        return self.tenants + tenant_name(claims.get(self.tenant_claim))

    def allowed(self, claims: Claims) -> tuple[Scope, ...]:
        """What its bearer may do: the operator's scopes, and with a claim only those that stand in both."""
        if self.scopes_claim is None:
            return self.scopes
        said = claims.get(self.scopes_claim)
        words = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
        return tuple(scope for scope in self.scopes if scope in words)


class Forge(Issuer, frozen=True, forbid_unknown_fields=True):
    """Atlassian's invocation tokens, for these apps, environments and licences."""

    environments: tuple[str, ...] = ("PRODUCTION",)
    licensed: bool = False
    isolated: bool = False

    @property
    def tenants(self) -> str:
        return "forge:"

    def tenant(self, claims: Claims, audience: tuple[str, ...]) -> str:
        """The installation; raises Unauthenticated."""
        app, context = _mapping(claims.get("app")), _mapping(claims.get("context") or {})
        _require(app.get("id") in self.audience and app.get("id") in audience)
        _require(_mapping(app.get("environment")).get("type") in self.environments)
        _require(not self.licensed or _mapping(app.get("license")).get("isActive") is True)
        _require(self.isolated or not any("icLabel" in place for place in (claims, app, context)))
        cloud = CLOUD.fullmatch(str(app.get("apiBaseUrl")))
        _require(cloud is not None and (self.isolated or cloud["host"] == CLOUDS))
        _require(cloud is not None and (context.get("cloudId") or cloud["id"]) == cloud["id"])
        return self.tenants + tenant_name(app.get("installationId"))


def known(settings: ApiSettings) -> dict[str, Issuer]:
    """Every issuer of the settings by what its tokens call it; raises IssuersUnreadable, IssuersAlike."""
    found = [*_forge(settings), *(_read(settings.token_issuers_file) if settings.token_issuers_file else [])]
    if min(len({issuer.issuer for issuer in found}), len({issuer.name for issuer in found})) < len(found):
        raise IssuersAlike
    return {issuer.issuer: issuer for issuer in found}


def tenant_name(said: object) -> str:
    """Printable and without blanks, as it goes into bindings; raises Unauthenticated."""
    _require(isinstance(said, str) and TENANT.fullmatch(said) is not None)
    return str(said)


def _forge(settings: ApiSettings) -> list[Issuer]:
    if not settings.forge_apps:
        return []
    forge = Forge(
        name="forge",
        issuer=FORGE,
        audience=settings.forge_apps,
        jwks_url=settings.forge_jwks_url,
        algorithms=("RS256",),
        scopes=FORGE_SCOPES,
        requires=("nbf", "jti"),
        life_seconds=settings.forge_token_seconds,
        environments=settings.forge_environments,
        licensed=settings.forge_licensed,
        isolated=settings.forge_isolated,
    )
    return [forge]


def _read(path: Path) -> list[Issuer]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Issuer])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise IssuersUnreadable from None


def _mapping(said: object) -> dict[str, Any]:
    _require(isinstance(said, dict))
    return said if isinstance(said, dict) else {}


def _require(holds: bool) -> None:  # noqa: FBT001 -- the sentence that must hold
    if not holds:
        raise Unauthenticated
