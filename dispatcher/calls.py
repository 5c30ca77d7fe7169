"""Calls: one HTTP call of our own API, wherever it is, past any proxy that the environment names."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(url: str, headers: Mapping[str, str] | None = None, body: object = None, seconds: float = 20, method: str | None = None) -> Any:  # noqa: ANN401 -- JSON
    """The answer's JSON, None where there is none; a body makes it a POST. Raises URLError, of which HTTPError is one."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, dict(headers or {}), method=method)  # noqa: S310 -- the API's address, which the operator gave
    with OPENER.open(request, timeout=seconds) as answer:
        return json.loads(answer.read() or b"null")
