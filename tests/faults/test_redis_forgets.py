"""Redis loses its memory (R8): nothing is mailed of what it forgot, and who posts again with the same key gets the same Message-ID."""

import os
import signal
from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from tests.faults.books import balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.load import Posted, post
from tests.faults.scene import END_SECONDS, JOBS, RECOVERY_SECONDS, ROUNDS, Scene, scene
from tests.faults.seen import Ledger
from tests.system.running_stack import await_true

HELD: Final = 4


def lose_memory(here: Scene, number: int) -> tuple[list[Posted], float]:
    """What got a 202. Redis is killed while some mails are before their dot, and started anew by `up`."""
    here.sink.become(dot_seconds=0.05, holds={"data": HELD})
    load, killed = here.load(number), here.redis_pid
    await_true(lambda: "data" in here.sink.glance().holding, END_SECONDS)
    os.kill(killed, signal.SIGKILL)
    await_true(lambda: here.redis_pid != killed and here.client.get("/readyz").status == 200, END_SECONDS)
    here.sink.let_go()
    further, seconds = here.go_on()
    return [*load.finish(), further], seconds


def forgotten(here: Scene, posted: Iterable[Posted]) -> list[Posted]:
    answers = [(each, here.client.get(f"/v1/jobs/{each.job_id}")) for each in posted]
    return [each for each, answer in answers if answer.status == 404 and answer.problem == (404, "job-unknown")]


def apart(ledger: Ledger, mails: int, names: list[str]) -> tuple[Counter[str], Ledger]:
    """What was mailed of these among so many first mails, and the ledger without that."""
    earlier = [mail for mail in ledger.mails[:mails] if mail.message_id in names]
    rest = [mail for mail in ledger.mails if mail not in earlier]
    return Counter(mail.message_id for mail in earlier), msgspec.structs.replace(ledger, mails=rest)


def test_r8_nothing_is_mailed_of_what_redis_forgot_and_the_same_key_makes_the_same_mail(scale: Scale) -> None:
    for _ in range(scale.of(*ROUNDS)):
        with scene(slots=3) as here, here.stack.redis() as redis:
            pids = here.pids
            posted, seconds = lose_memory(here, scale.of(*JOBS))
            settle(redis, END_SECONDS)
            lost = forgotten(here, posted)
            mails = here.sink.glance().mails
            again = [post(here.client, each.order, here.sink.account) for each in lost]
            settle(redis, END_SECONDS)
            names = [each.message_id for each in lost]
            mailed, later = apart(here.sink.ledger(), mails, names)
            title = f"R8: memory lost, {len(lost)} jobs with it, {len(mailed)} of which had been mailed; on after {seconds:.1f} s"
            balance(title, read([*(each for each in posted if each not in lost), *again], redis, later))
            cut = {each.message_id for each in later.cuts}
            assert ([each.message_id for each in again], here.pids) == (names, pids)
            assert (len(cut) >= HELD, cut <= set(names), cut & set(mailed), max(mailed.values(), default=1)) == (True, True, set(), 1)
            assert seconds < RECOVERY_SECONDS
