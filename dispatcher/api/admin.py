"""Admin: why mail failed, in counts that name no one; on a port of its own."""

from collections import Counter

from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.api.callers import administrator
from dispatcher.contracts.advice import ADVICE
from dispatcher.contracts.documents import moment
from dispatcher.contracts.errors import Invalid
from dispatcher.contracts.outcome import FailureClass, State
from dispatcher.contracts.tally import WINDOWS, cells


async def failures(request: Request) -> Response:
    """Ended jobs by outcome, and failures by class with advice, in whole clock hours."""
    await administrator(request)
    window = request.query_params.get("window", "24h")
    if window not in WINDOWS:
        raise Invalid.because(("/window", "not_allowed"))
    redis: Redis = request.app.state.redis
    since_ms, counted = await cells(redis, window)
    outcomes: Counter[str] = Counter(
        dict.fromkeys((State.SENT, State.PARTIAL, State.FAILED, State.EXPIRED, State.CANCELED, State.UNKNOWN), 0)
    )
    classes: Counter[str] = Counter()
    phases: dict[str, Counter[str]] = {}
    for cell, number in counted.items():
        outcomes[cell.outcome] += number
        if cell.failure_class:
            classes[cell.failure_class] += number
            phases.setdefault(cell.failure_class, Counter())[cell.phase or "none"] += number
    listed = [
        {
            "class": name,
            "count": number,
            "phases": dict(phases[name]),
            "advice": ADVICE[FailureClass(name)],
            "help": f"/docs/failures#{name}",
        }
        for name, number in classes.most_common()
        if number
    ]
    return answer({"window": window, "since": moment(since_ms), "outcomes": outcomes, "failures": listed})
