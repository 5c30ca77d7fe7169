"""Seals a submission end to end and posts it.

python seal.py API API_KEY TENANT submission.json [ROOT]
ROOT is what `beampost keys root` printed; with it a key is taken only if the root has signed it.
Needs `cryptography`, and nothing of Beampost.
"""

import json
import sys
import urllib.request
import uuid
from base64 import urlsafe_b64decode
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def octets(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def newest_key(api: str, root: str | None) -> dict[str, str]:
    """The key to seal to; raises InvalidSignature, or ValueError when the root has signed none of them."""
    with urllib.request.urlopen(f"{api}/v1/keys") as answer:  # noqa: S310 -- the API that the caller named
        told = json.load(answer)
    keys = told["keys"]
    if root:
        head, payload, signature = told["signed"].split(".")
        Ed25519PublicKey.from_public_bytes(octets(root)).verify(octets(signature), f"{head}.{payload}".encode())
        signed = {jwk["kid"]: jwk["x"] for jwk in json.loads(octets(payload))["keys"]}
        keys = [jwk for jwk in keys if signed.get(jwk["kid"]) == jwk["x"]]
    return max(keys, key=lambda jwk: jwk["created"])


def sealed(submission: bytes, jwk: dict[str, str], tenant: str, idempotency_key: str) -> bytes:
    info = "\0".join(("beampost/seal/v1", tenant, idempotency_key, jwk["kid"])).encode()
    return SUITE.encrypt(submission, X25519PublicKey.from_public_bytes(octets(jwk["x"])), info=info)


def main(api: str, api_key: str, tenant: str, file: str, root: str | None = None) -> None:
    jwk, idempotency_key = newest_key(api, root), f"sealed-{uuid.uuid4()}"
    headers = {
        "Authorization": f"Bearer {api_key}",
        "Content-Type": "application/vnd.beampost.sealed",
        "Beampost-Key-Id": jwk["kid"],
        "Idempotency-Key": idempotency_key,
    }
    body = sealed(Path(file).read_bytes(), jwk, tenant, idempotency_key)
    request = urllib.request.Request(f"{api}/v1/jobs", body, headers)  # noqa: S310 -- the same
    with urllib.request.urlopen(request) as answer:  # noqa: S310 -- the same
        print(answer.read().decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
