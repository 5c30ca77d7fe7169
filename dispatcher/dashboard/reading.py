"""Reading: all that the dashboard shows of a window, read once for whoever looks."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import State

from dispatcher.api.shards import Shards
from dispatcher.contracts import gathered
from dispatcher.contracts.counts import Counts
from dispatcher.contracts.pauses import Pause
from dispatcher.contracts.standing import Standing
from dispatcher.doctor.checkup import Checkup
from dispatcher.doctor.findings import Finding
from dispatcher.intake.pausing import PausingAll


@dataclass(frozen=True)
class Reading:
    """`steps` are as of `gathered.steps`, the last one running; `findings` are the doctor's, the worst first."""

    window: str
    stands: Standing
    steps: Sequence[tuple[int, Counts]]
    pauses: Sequence[Pause]
    findings: Sequence[Finding]

    @property
    def happened(self) -> Counts:
        """In the whole window."""
        return sum((counts for _, counts in self.steps), Counts())


async def read(state: State, window: str) -> Reading:
    """Now; `state` is that of the app. Raises Unavailable."""
    shards: Shards = state.shards
    pausing: PausingAll = state.pausing
    checkup: Checkup = state.checkup
    stands, steps = await gathered.now(shards.redises), await gathered.steps(shards.redises, window)
    return Reading(window, stands, steps, await pausing.lasting(), await checkup.findings())
