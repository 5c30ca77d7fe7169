"""Matrix: every fault at every place of the talk with a mail server, in every TLS mode, means what tests/faults/matrix.txt says (R3)."""

import asyncio
import ssl
from collections import Counter

import pytest

from dispatcher.contracts.mail import Tls
from tests.faults.conftest import Scale
from tests.workers.smtp.test_fault_matrix import CELLS, MARGIN_SECONDS, PLACES, SHORT_SECONDS, Cell, ca_file, context, in_all_modes
from tests.workers.smtp.trial import Trial, assert_kept_as_told, assert_nothing_in_clear

__all__ = ["ca_file", "context"]

Tried = tuple[Cell, Tls, Trial]


async def once(place: str, context: ssl.SSLContext, ca_file: str) -> list[Tried]:
    """All its cells, one after the other."""
    cells = [cell for cell in CELLS if cell.fault.place == place]
    return [(cell, tls, trial) for cell in cells for tls, trial in (await in_all_modes(cell, context, ca_file)).items()]


def ledger(tried: list[Tried]) -> str:
    """What was told of the recipients, and what the servers have."""
    fates = Counter(fate.name.lower() for _, _, trial in tried for fate in trial.outcome.fates.values())
    told = ", ".join(f"{number} {fate}" for fate, number in sorted(fates.items()))
    copies = sum(len(copy.recipients) for _, _, trial in tried for copy in trial.server.ledger)
    slowest = max(trial.seconds for _, _, trial in tried)
    return f"{len(tried)} transmissions; recipients: {told}; {copies} copies at the servers; {slowest:.2f} s at the longest"


@pytest.mark.parametrize("place", sorted(PLACES))
def test_r3_a_fault_means_the_same_every_time(place: str, context: ssl.SSLContext, ca_file: str, scale: Scale) -> None:
    tried = [each for _ in range(scale.of(1, 20)) for each in asyncio.run(once(place, context, ca_file))]
    print(f"\nR3: {place}: {ledger(tried)}")
    assert [(str(cell), tls, trial.told) for cell, tls, trial in tried if trial.told != cell.expected[tls]] == []
    assert [(str(cell), tls) for cell, tls, trial in tried if trial.seconds > SHORT_SECONDS + MARGIN_SECONDS] == []
    for _, tls, trial in tried:
        assert_kept_as_told(trial)
        if tls is not Tls.NONE:
            assert_nothing_in_clear(trial.server)
