"""Tidy: garbage is collected, and what is free goes back to the kernel, though nothing is asked of the process any more."""

import asyncio
import gc
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Final

from dispatcher.contracts.tidy import GIVE_BACK, keep_tidy
from dispatcher.contracts.wipe import wiping

ROOT: Final = Path(__file__).parents[2]
FRAGMENTED: Final = """
import asyncio
from pathlib import Path
from dispatcher.contracts.tidy import keep_tidy

def held():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS:"))

async def scene():
    work = [bytes(5_000) for _ in range(20_000)]
    above = bytes(5_000)
    del work
    before = held()
    keep_tidy(asyncio.get_running_loop())
    for _ in range(200):
        await asyncio.sleep(0.05)
        if before - held() > 80:
            break
    print(before - held() > 80)

asyncio.run(scene())
"""


class Kept:
    """What refers to itself."""


def test_what_only_refers_to_itself_is_freed_within_a_second_or_two() -> None:
    async def scene() -> None:
        keep_tidy(asyncio.get_running_loop())
        kept, freed = Kept(), asyncio.Event()
        kept.__dict__["itself"] = kept
        weakref.finalize(kept, freed.set)
        del kept
        gc.disable()
        try:
            await asyncio.wait_for(freed.wait(), 60)
        finally:
            gc.enable()

    asyncio.run(scene())


def test_the_room_of_work_that_is_over_goes_back_to_the_kernel_though_something_lies_above_it() -> None:
    told = subprocess.run([sys.executable, "-c", FRAGMENTED], cwd=ROOT, env=wiping({}), capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "True" or GIVE_BACK is None
