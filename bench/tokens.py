"""Tokens: what verifying one costs, by algorithm and by the context that Forge puts into it; nothing of a token is kept.

python bench/tokens.py [rounds]
"""

import asyncio
import sys
import time

from joserfc.jwk import Key

from dispatcher.intake.tokens import verified
from tests.dispatcher.intake.tokens import EC, ED, FORGE_ISSUER, IDP, RSA, Known, forge_claims, idp_claims, signed

AT_ONCE = 100
CONTEXT = {"cloudId": "cloud-1", "extension": {"page": "y" * 40_000}}
TOKENS: dict[str, tuple[dict[str, object], Key, str]] = {
    "Forge, RS256": (forge_claims(), RSA, "RS256"),
    "Forge, 40 KB of context": (forge_claims(context=CONTEXT), RSA, "RS256"),
    "another, ES256": (idp_claims(), EC, "ES256"),
    "another, Ed25519": (idp_claims(), ED, "Ed25519"),
}


async def microseconds(token: str, rounds: int) -> float:
    """The least of so many rounds, in processor time."""
    issuers, key_sets, now = {FORGE_ISSUER.issuer: FORGE_ISSUER, IDP.issuer: IDP}, Known(), time.time()
    least = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(AT_ONCE):
            await verified(token, issuers, key_sets, now)
        least = min(least, time.process_time() - began)
    return least / AT_ONCE * 1_000_000


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    for name, facts in TOKENS.items():
        token = signed(*facts)
        each = asyncio.run(microseconds(token, rounds))
        print(f"{name:24} {len(token):6} characters {each:6.0f} us {1_000_000 / each:7.0f}/s")


if __name__ == "__main__":
    main()
