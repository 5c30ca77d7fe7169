"""Admin: why mail failed, what stands and what happened, in counts that name no one; on a port of its own."""

from collections import Counter
from functools import reduce

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.api.callers import administrator
from dispatcher.api.concerns import concerns
from dispatcher.api.health import unready
from dispatcher.api.pauses import document
from dispatcher.api.shards import shards
from dispatcher.api.stats import standing_document, window_document
from dispatcher.contracts import gathered
from dispatcher.contracts.advice import advice_on
from dispatcher.contracts.documents import moment
from dispatcher.contracts.errors import Invalid
from dispatcher.contracts.suppress import LEAST, suppressed
from dispatcher.contracts.tally import WINDOWS
from dispatcher.intake.pausing import PausingAll


async def failures(request: Request) -> Response:
    """Ended jobs by class of failure with advice, in whole clock hours; small counts are hidden."""
    await administrator(request)
    window = _window(request)
    since_ms, counted = await gathered.cells(shards(request).redises, window)
    phases: dict[str, Counter[str]] = {}
    for cell, number in counted.items():
        if cell.failure_class:
            phases.setdefault(cell.failure_class, Counter())[cell.phase or "none"] += number
    listed = [
        {
            "class": name,
            "count": count,
            "phases": sorted(phase for phase, number in phases[name].items() if number >= LEAST and count is not None),
            "advice": advice_on(name),
            "help": f"/docs/failures#{name}",
        }
        for name, count in suppressed({name: of.total() for name, of in phases.items()}).items()
    ]
    return answer({"window": window, "since": moment(since_ms), "hidden_below": LEAST, "failures": listed})


async def stats(request: Request) -> Response:
    """What stands now, and what happened in the window."""
    await administrator(request)
    window, seen = _window(request), shards(request)
    pausing: PausingAll = request.app.state.pausing
    each, pauses = await gathered.each_now(seen.redises), await pausing.lasting()
    stands = reduce(gathered.together, each)
    now = standing_document(stands) | {
        "pauses": [document(pause) for pause in pauses],
        "concerns": concerns(each, seen.hazards, tuple(unready(request.app.state))),
    }
    return answer({"window": window, "at": moment(stands.now_ms), "now": now} | window_document(await gathered.steps(seen.redises, window)))


def _window(request: Request) -> str:
    """Raises Invalid."""
    window = request.query_params.get("window", "24h")
    if window not in WINDOWS:
        raise Invalid.because(("/window", "not_allowed"))
    return window
