"""Keys: the workers' public sealing keys, as a JWK set (RFC 7517), and as the operator's root has signed them."""

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.key_set import published
from dispatcher.contracts.seal import SealingKeys
from dispatcher.contracts.wire import KEY_SET_SECONDS


async def get(request: Request) -> Response:
    """Every key that may be sealed to."""
    sealing_keys: SealingKeys = request.app.state.sealing_keys
    settings: ApiSettings = request.app.state.settings
    document = published(sealing_keys.folder, settings.key_seconds)
    return answer(document, headers={"Cache-Control": f"max-age={KEY_SET_SECONDS}"})
