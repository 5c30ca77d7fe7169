"""Preview: what would be mailed for a submission; nothing is queued, and nothing of it is kept."""

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.api.bodies import JSON, body_of
from dispatcher.api.callers import submitter
from dispatcher.contracts.documents import preview_document


async def render(request: Request) -> Response:
    """200 with the mail as a worker made it, or with why none can be made."""
    tenant, shard = await submitter(request)
    shard.pressure.admit()
    async with body_of(request, JSON) as body:
        shard.pressure.admit_body(body)
        return answer(preview_document(await shard.asking.render(body, tenant)))
