"""Accounts: whether mail could be handed to a mail account's server; nothing is mailed, and nothing of the account is kept."""

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.api.bodies import JSON, body_of
from dispatcher.api.callers import submitter
from dispatcher.contracts.documents import verification_document


async def verify(request: Request) -> Response:
    """200 with the steps that a worker took, whether or not they went well."""
    tenant, shard = await submitter(request)
    async with body_of(request, JSON) as body:
        return answer(verification_document(await shard.asking.verify(body, tenant)))
