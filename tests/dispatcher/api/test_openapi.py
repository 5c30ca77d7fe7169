"""OpenAPI: whatever either port serves is in its document, and this deployment's limits are."""

import re

import pytest
from starlette.routing import Route

from dispatcher.api import app, openapi
from dispatcher.contracts.api_settings import ApiSettings


def served(routes: tuple[Route, ...]) -> set[tuple[str, str]]:
    return {(re.sub(r"\{\w+(:\w+)?\}", "{}", route.path), method) for route in routes for method in (route.methods or set()) - {"HEAD"}}


def described(calls: tuple[openapi.Call, ...]) -> set[tuple[str, str]]:
    return {(re.sub(r"\{\w+\}", "{}", call.path), call.method.upper()) for call in calls}


@pytest.mark.parametrize(("routes", "calls"), [(app.PUBLIC, openapi.PUBLIC), (app.ADMIN, openapi.ADMIN)], ids=["public", "admin"])
def test_what_is_served_is_described_and_nothing_else(routes: tuple[Route, ...], calls: tuple[openapi.Call, ...]) -> None:
    assert described(calls) == served(routes)


def test_the_document_tells_the_limits_of_this_deployment() -> None:
    schemas = openapi.document(openapi.PUBLIC, ApiSettings(max_ttl_seconds=3600, max_recipients=7))["components"]["schemas"]
    posted = schemas["Submission"]["properties"]
    assert (posted["ttl_seconds"]["maximum"], posted["to"]["maxItems"], schemas["Tls"]["enum"]) == (3600, 7, ["implicit", "starttls"])
    assert posted["account"] == {"$ref": "#/components/schemas/Account"}


def test_where_more_is_allowed_the_document_says_so() -> None:
    settings = ApiSettings(allow_plaintext=True, default_from="wiki@example.org")
    schemas = openapi.document(openapi.PUBLIC, settings)["components"]["schemas"]
    assert schemas["Tls"]["enum"] == ["implicit", "none", "starttls"]
    assert schemas["Submission"]["properties"]["account"]["anyOf"][0] == {"enum": ["default"]}
