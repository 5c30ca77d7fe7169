"""Keys: the workers' public sealing keys, as a JWK set (RFC 7517)."""

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.intake.submit import Intake


async def get(request: Request) -> Response:
    """Every key that may be sealed to."""
    intake: Intake = request.app.state.intake
    return answer({"keys": intake.keys.published()})
