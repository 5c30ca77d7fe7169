"""Calls: one HTTP call of our own API, wherever it is, past any proxy that the environment names, and no further than there."""

import json
import urllib.request
from collections.abc import Mapping
from http.client import IncompleteRead
from typing import Any, Final
from urllib.error import URLError


class _Unredirected(urllib.request.HTTPRedirectHandler):
    """The API sends nobody elsewhere; who does would get the key, which urllib sends to wherever it is sent."""

    def redirect_request(self, *_: object) -> None:
        """None: what answered so is raised as an HTTPError."""


OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Unredirected)


def ask(url: str, headers: Mapping[str, str] | None = None, body: object = None, seconds: float = 20, method: str | None = None) -> Any:  # noqa: ANN401 -- JSON
    """The answer's JSON, None where there is none; a body makes it a POST. Raises as `fetch` does."""
    return json.loads(fetch(url, headers, body, seconds, method) or b"null")


def fetch(url: str, headers: Mapping[str, str] | None = None, body: object = None, seconds: float = 20, method: str | None = None) -> bytes:
    """The answer's body. Raises URLError, of which HTTPError is one, also of a redirect; and of an answer that breaks off."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, dict(headers or {}), method=method)  # noqa: S310 -- the API's address, which the operator gave
    with OPENER.open(request, timeout=seconds) as answer:
        try:
            whole: bytes = answer.read()
        except IncompleteRead:
            raise URLError("the answer breaks off") from None
    return whole
