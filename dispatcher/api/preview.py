"""Preview: what would be mailed for a submission; nothing is queued, and nothing of it is kept."""

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.api.bodies import JSON, body_of
from dispatcher.api.callers import caller
from dispatcher.contracts.documents import preview_document
from dispatcher.intake.ask import Asking
from dispatcher.intake.caller import Scope
from dispatcher.intake.pressure import Pressure


async def render(request: Request) -> Response:
    """200 with the mail as a worker made it, or with why none can be made."""
    tenant = (await caller(request)).must(Scope.SUBMIT).tenant
    asking: Asking = request.app.state.asking
    pressure: Pressure = request.app.state.pressure
    pressure.admit()
    async with body_of(request, JSON) as body:
        pressure.admit_body(body)
        return answer(preview_document(await asking.render(body, tenant)))
