"""Callers: who stands behind a request."""

from starlette.requests import Request

from dispatcher.intake.authenticate import ApiKeys, Caller


def caller(request: Request) -> Caller:
    """The authenticated caller; raises Unauthenticated."""
    keys: ApiKeys = request.app.state.api_keys
    return keys.authenticate(request.headers.get("authorization"), request.client.host if request.client else None)
