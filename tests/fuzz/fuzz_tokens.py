"""Fuzz tokens: what callers show, bred by atheris, at the door for callers; nobody comes in but who holds a key, and no more is said.

python tests/fuzz/fuzz_tokens.py -max_total_time=600    ten minutes of it; every argument is libFuzzer's
"""

import asyncio
import contextlib
import copy
import json
import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["dispatcher"]):
    from dispatcher.contracts.base64url import text
    from dispatcher.contracts.errors import Unauthenticated, Unavailable
    from dispatcher.intake.api_keys import ApiKeys, create_api_key
    from dispatcher.intake.authenticate import Door, is_of_forge
    from dispatcher.intake.caller import Caller, Scope
    from dispatcher.intake.key_sets import read
    from tests.dispatcher.intake.tokens import (
        EC,
        ED,
        FORGE_ISSUER,
        IDP,
        OTHER_RSA,
        RSA,
        Known,
        forge_claims,
        hs256_with_the_public_key,
        idp_claims,
        signed,
        unsigned,
    )
    from tests.fuzz import bred

SECONDS = 0.5  # of processor time, where a token takes a few tenths of a millisecond
ISSUERS = {issuer.issuer: issuer for issuer in (FORGE_ISSUER, IDP)}
ODDITIES = (
    *(
        None,
        True,
        -1,
        0,
        1e11,
        1e308,
        10**400,
        2**63,
        "",
        "x",
        [],
        {},
        [[]],
        {"": {}},
        ["beampost"],
        ["x", 1],
        "beampost",
        "*",
        "jobs:submit admin",
    ),
    *(
        "none",
        "HS256",
        "RS256",
        "ES256",
        "Ed25519",
        "EdDSA",
        "ed-1",
        "ec-1",
        FORGE_ISSUER.issuer,
        IDP.issuer,
        "forge/invocation-token/wf-1",
    ),
)
NAMES = (
    "alg",
    "kid",
    "crit",
    "b64",
    "jku",
    "jwk",
    "x5u",
    "zip",
    "typ",
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "tid",
    "scope",
    "app",
    "context",
)


class Hall:
    """A door, and good things to show at it."""

    def __init__(self, folder: Path) -> None:
        keys = folder / "api-keys.json"
        self.api_key = create_api_key(keys, "acme", (Scope.SUBMIT,), None, ())
        self.door = Door(ApiKeys(keys), Known(), ISSUERS)
        self.good = [self.api_key, signed(idp_claims(), ED, "Ed25519"), signed(idp_claims(), EC, "ES256"), signed(forge_claims())]
        self.jwks = json.dumps({"keys": [key.as_dict(private=False) for key in (ED, EC, RSA)]}).encode()

    def ask(self, authorization: str) -> Caller | None:
        """Who it is; None for nobody. Raises what nobody expects."""
        try:
            return asyncio.run(self.door.caller(authorization, "127.0.0.1"))
        except Unauthenticated:
            return None


def document(provider: bred.Provider, whole: dict[str, object]) -> dict[str, object]:
    """Some of its members changed, lost or added to."""
    changed = copy.deepcopy(whole)
    for _ in range(provider.ConsumeIntInRange(0, 3)):
        name = bred.text(provider, 2) if provider.ConsumeIntInRange(0, 7) == 0 else provider.PickValueInList(list(NAMES))
        if provider.ConsumeIntInRange(0, 3) == 0:
            changed.pop(name, None)
        else:
            value = bred.text(provider, 4) if provider.ConsumeBool() else copy.deepcopy(provider.PickValueInList(list(ODDITIES)))
            changed[name] = value
    return changed


def said_by_others(provider: bred.Provider) -> str:
    """A token that nobody whom we know has signed."""
    claims = document(provider, idp_claims() if provider.ConsumeBool() else forge_claims())
    kind = provider.ConsumeIntInRange(0, 3)
    if kind == 0:
        return unsigned(claims, **document(provider, {}))
    if kind == 1:
        return hs256_with_the_public_key(claims)
    if kind == 2:
        return ".".join(text(provider.ConsumeBytes(64)) for _ in range(provider.ConsumeIntInRange(1, 4)))
    return signed(json.dumps(claims).encode(), OTHER_RSA, "RS256", kid=RSA.kid)


def assert_nobody_else(hall: Hall, provider: bred.Provider) -> None:
    """Whatever is shown by who holds no key."""
    shown = said_by_others(provider) if provider.ConsumeBool() else spoilt(provider, provider.PickValueInList(hall.good))
    assert shown in hall.good or hall.ask(f"Bearer {shown}") is None
    is_of_forge(f"Bearer {shown}")


def spoilt(provider: bred.Provider, whole: str) -> str:
    """Some characters put, lost or doubled; now and then very many."""
    at = provider.ConsumeIntInRange(0, len(whole))
    put = bred.text(provider, 3) * provider.PickValueInList([0, 1, 1, 10_000])
    return whole[:at] + put + whole[at + provider.ConsumeIntInRange(0, 8) :]


def assert_signed(hall: Hall, provider: bred.Provider) -> None:
    """Whatever an issuer that we know may sign: who is let in is hers, has no more than her scopes, and only for now."""
    claims = document(provider, idp_claims())
    payload = json.dumps(claims).encode() if provider.ConsumeIntInRange(0, 3) else provider.ConsumeBytes(200)
    found = hall.ask(f"Bearer {by_ed(document(provider, {'alg': 'Ed25519', 'kid': 'ed-1'}), payload)}")
    assert found is None or (found.tenant.startswith("jwt:idp:") and set(found.scopes) <= set(IDP.scopes))
    assert found is None or (claims["iss"] == IDP.issuer and "beampost" in claims["aud"])


def by_ed(head: dict[str, object], payload: bytes) -> str:
    """Whatever the head says; the library would sign under a good one only."""
    told = f"{text(json.dumps(head).encode())}.{text(payload)}"
    return f"{told}.{text(ED.private_key.sign(told.encode()))}"


def assert_header(hall: Hall, provider: bred.Provider) -> None:
    """Whatever the header says, before there is a token."""
    shown = bred.text(provider, 4) + provider.PickValueInList(["", " ", "Bearer ", "bearer bp_", "Basic "]) + bred.text(provider, 4)
    assert hall.ask(shown) is None


def assert_key_set(hall: Hall, provider: bred.Provider) -> None:
    """What an issuer's server answers where her keys should be."""
    jwks = spoilt(provider, hall.jwks.decode()).encode(errors="replace") if provider.ConsumeBool() else provider.ConsumeBytes(200)
    with contextlib.suppress(Unavailable):
        assert all(isinstance(kid, str) for kid in read(jwks))


WAYS = (assert_nobody_else, assert_signed, assert_header, assert_key_set)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        hall = Hall(Path(folder))

        def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that atheris' users look for
            provider = atheris.FuzzedDataProvider(data)
            way = provider.PickValueInList(list(WAYS))
            with bred.told((way.__name__, data)):
                began = time.process_time()
                way(hall, provider)
                assert time.process_time() - began < SECONDS, "it takes long"

        atheris.Setup([sys.argv[0], *bred.OPTIONS, *sys.argv[1:]], TestOneInput)
        atheris.Fuzz()
