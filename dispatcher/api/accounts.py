"""Accounts: whether mail could be handed to a mail account's server; nothing is mailed, and nothing of the account is kept."""

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.api.bodies import JSON, body_of
from dispatcher.api.callers import caller
from dispatcher.contracts.documents import verification_document
from dispatcher.intake.ask import Asking
from dispatcher.intake.caller import Scope


async def verify(request: Request) -> Response:
    """200 with the steps that a worker took, whether or not they went well."""
    tenant = (await caller(request)).must(Scope.SUBMIT).tenant
    asking: Asking = request.app.state.asking
    async with body_of(request, JSON) as body:
        return answer(verification_document(await asking.verify(body, tenant)))
