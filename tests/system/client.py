"""Client: the API as any integration calls it, with the standard library alone; it keeps every answer that it got."""

import json
import time
import uuid
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

OPEN: Final = {"queued", "sending", "deferred"}
END_SECONDS: Final = 20


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 -- JSON
        return json.loads(self.body)

    @property
    def problem(self) -> tuple[int, str]:
        """Status and kind, of an answer that is a whole problem document."""
        document = self.json
        base, _, slug = document["type"].rpartition("/problems/")
        assert base == "https://beampost.example"
        assert (self.headers["content-type"], document["status"]) == ("application/problem+json", self.status)
        assert document["title"]
        assert uuid.UUID(document["instance"].removeprefix("urn:uuid:")).urn == document["instance"]
        return self.status, slug

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Pointer and code of each thing that is wrong with a submission."""
        assert self.problem == (422, "invalid-submission")
        return [(error["pointer"], error["code"]) for error in self.json["errors"]]


@dataclass
class Client:
    base: str
    key: str | None
    answers: list[Answer] = field(default_factory=list)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Header names are written with underscores; Authorization is the client's own unless it is given."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            sent.setdefault("Authorization", f"Bearer {self.key}")
        connection = HTTPConnection(urlsplit(self.base).netloc, timeout=END_SECONDS)
        try:
            connection.request(method, path, body, sent)
            return self.keep(connection)
        finally:
            connection.close()

    def keep(self, connection: HTTPConnection) -> Answer:
        with connection.getresponse() as response:
            answer = Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        self.answers.append(answer)
        return answer

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, submission: object, key: str | None = None) -> Answer:
        """Posts JSON; bytes go as they are."""
        body = submission if isinstance(submission, bytes) else json.dumps(submission).encode()
        return self.ask("POST", "/v1/jobs", body, Content_Type="application/json", Idempotency_Key=key or f"test-{uuid.uuid4()}")

    def submit(self, submission: object) -> dict[str, Any]:
        """The receipt of an accepted job."""
        answer = self.post(submission)
        assert (answer.status, answer.body if answer.status != 202 else b"") == (202, b"")
        receipt: dict[str, Any] = answer.json
        return receipt

    def status(self, job_id: str) -> dict[str, Any]:
        answer = self.get(f"/v1/jobs/{job_id}")
        assert answer.status == 200
        status: dict[str, Any] = answer.json
        return status

    def await_state(self, job_id: str, *states: str, seconds: float = END_SECONDS) -> dict[str, Any]:
        """The status once it is one of these, or final."""
        until = time.monotonic() + seconds
        while True:
            status = self.status(job_id)
            if status["state"] in states or status["state"] not in OPEN:
                return status
            assert time.monotonic() < until, f"still {status['state']}"
            time.sleep(0.03)

    def deliver(self, submission: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Receipt and last status of a job that was followed to its end, or to its first deferral."""
        receipt = self.submit(submission)
        return receipt, self.await_state(receipt["id"], "deferred")

    def cancel(self, job_id: str) -> Answer:
        return self.ask("DELETE", f"/v1/jobs/{job_id}")
