"""Redis is silent for seconds (R8): whoever asks is told so within one, and then all goes on as if nothing had been."""

import os
import signal
import time
from itertools import cycle
from typing import Final

from tests.faults.books import balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.scene import END_SECONDS, JOBS, RECOVERY_SECONDS, ROUNDS, Scene, scene
from tests.system.client import Answer
from tests.system.submissions import submission

SILENT_SECONDS: Final = 5
ANSWER_SECONDS: Final = 1.2  # a second, and what a busy machine adds
NOBODYS: Final = "/v1/jobs/01M85P76AP8BTN7SX8X734MPWA"


def asked_meanwhile(here: Scene) -> list[tuple[float, Answer]]:
    """Posts and questions by turns: the seconds that each took, and its answer."""
    document, answers, until = submission(here.sink.account), [], time.monotonic() + SILENT_SECONDS
    for ask in cycle((lambda: here.client.post(document), lambda: here.client.get(NOBODYS))):
        began = time.monotonic()
        if began > until:
            break
        answer = ask()
        answers.append((time.monotonic() - began, answer))
    return answers


def silenced(here: Scene) -> list[tuple[float, Answer]]:
    pid = here.redis_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        return asked_meanwhile(here)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_r8_a_silent_redis_is_told_within_a_second_and_nothing_is_lost_by_it(scale: Scale) -> None:
    for _ in range(scale.of(*ROUNDS)):
        with scene() as here, here.stack.redis() as redis:
            pids, load = here.pids, here.load(scale.of(*JOBS))
            answers = silenced(here)
            further, seconds = here.go_on()
            posted = [*load.finish(), further]
            settle(redis, END_SECONDS)
            slowest = max(took for took, _ in answers)
            title = f"R8: silent for {SILENT_SECONDS} s; {len(answers)} answers, the slowest in {slowest:.2f} s; on after {seconds:.1f} s"
            balance(title, read(posted, redis, here.sink.ledger()))
            told = {(answer.problem, int(answer.headers["retry-after"]) > 0) for _, answer in answers}
            assert (told, here.pids) == ({((503, "busy"), True)}, pids)
            assert (slowest < ANSWER_SECONDS, seconds < RECOVERY_SECONDS) == (True, True)
