"""Sealed: what a client does that seals end to end: the key set, the seal, the post."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from dispatcher.contracts.base64url import octets
from dispatcher.contracts.job import Enclosed, Terms
from dispatcher.contracts.suites import SUITES
from tests.system.client import Answer, Client

MEDIA_TYPE = "application/vnd.beampost.sealed"


@dataclass
class Sealer:
    """`tenant` is who the client's API key says she is."""

    client: Client
    tenant: str = "local"

    def key(self) -> dict[str, Any]:
        """The newest: while keys are exchanged there may be two."""
        return dict(max(self.client.get("/v1/keys").json["keys"], key=lambda jwk: jwk["created"]))

    def blob(self, submission: object, idempotency_key: str, jwk: dict[str, Any] | None = None) -> bytes:
        jwk = jwk or self.key()
        info = Enclosed(b"", jwk["kid"], self.tenant, idempotency_key, Terms()).info
        opened = submission if isinstance(submission, bytes) else json.dumps(submission).encode()
        return SUITES["x25519"].sealed(opened, octets(jwk["x"]), info)

    def send(self, blob: bytes, idempotency_key: str, kid: str, query: str = "") -> Answer:
        headers = {"Content_Type": MEDIA_TYPE, "Idempotency_Key": idempotency_key, "Beampost_Key_Id": kid}
        return self.client.ask("POST", f"/v1/jobs{query}", blob, **headers)

    def post(self, submission: object, query: str = "") -> Answer:
        jwk, key = self.key(), f"sealed-{uuid.uuid4()}"
        return self.send(self.blob(submission, key, jwk), key, jwk["kid"], query)

    def deliver(self, submission: object, query: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
        """Receipt and last status of a job that was followed to its end."""
        answer = self.post(submission, query)
        assert answer.status == 202, answer.body
        receipt: dict[str, Any] = answer.json
        return receipt, self.client.await_state(receipt["id"], "deferred")
