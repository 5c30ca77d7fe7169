"""Lock-out: a wrong password is not tried so often that a server would lock the account, and its jobs end soon; others are unhurt (R16)."""

import time
from itertools import pairwise
from typing import Final

from redis import Redis

from tests.faults.books import balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.load import orders, post
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import running_sink
from tests.system.running_stack import LOOPBACK, await_true, running_stack

AT_ONCE: Final = 2
REFUSALS: Final = 3
REFUSAL_SECONDS: Final = 2
LOCK_SECONDS: Final = 12
OVER_SECONDS: Final = 10
END_SECONDS: Final = 30
SOUND: Final = 10
SETTINGS: Final = ROOMY | {
    "account_connections": AT_ONCE,
    "refusals": REFUSALS,
    "refusal_seconds": REFUSAL_SECONDS,
    "lock_seconds": LOCK_SECONDS,
}


def is_locked(redis: "Redis") -> bool:
    ends = [float(redis.hget(name, "locked") or 0) / 1000 for name in redis.scan_iter("bp:brk:*")]
    return max(ends, default=0) > time.time()


def ended_at(record: dict[str, str]) -> float:
    """In seconds since 1970."""
    return int(record["upd"]) / 1000


def took(record: dict[str, str]) -> float:
    """From accept to the end, in seconds."""
    return ended_at(record) - int(record["accepted"]) / 1000


def test_r16_a_wrong_password_is_seldom_tried_and_soon_given_up(scale: Scale) -> None:
    number = scale.of(100, 500)
    with (
        running_sink(auth=535) as strict,
        running_sink() as sink,
        running_stack(*LOOPBACK, "--workers", "2", **SETTINGS) as stack,
        stack.redis() as redis,
    ):
        client = stack.client()
        wrong, right = strict.account_of("jane@example.com", "wrong"), sink.account_of("jane@example.com", "right")
        refused = [post(client, order, wrong) for order in orders(number)]
        sound = [post(client, order, right) for order in orders(SOUND)]
        settle(redis, END_SECONDS)
        locked_out = post(client, orders(1)[0], wrong)
        settle(redis, END_SECONDS)
        assert is_locked(redis)
        attempts = [attempt.at for attempt in strict.ledger().sign_ins]
        await_true(lambda: not is_locked(redis), END_SECONDS)
        tried_again = post(client, orders(1)[0], wrong)
        settle(redis, END_SECONDS)
        books = read([*refused, *sound, locked_out, tried_again], redis, sink.ledger())
        later = [attempt.at for attempt in strict.ledger().sign_ins][len(attempts) :]
    of_refused, of_sound = ([books.records[job.job_id] for job in jobs] for jobs in (refused, sound))
    over = max(map(ended_at, of_refused)) - attempts[-1]
    pauses = [after - before for before, after in pairwise(attempts)]
    told = f"{len(attempts)} attempts, {', '.join(f'{pause:.1f}' for pause in pauses)} s apart, all over {over:.1f} s after the last"
    balance(f"R16: {number} jobs with a wrong password: {told}", books)
    assert {(record["st"], record["cls"]) for record in of_refused} == {("failed", "auth_rejected")}
    assert {(record["st"], record["att"], took(record) < REFUSAL_SECONDS) for record in of_sound} == {("sent", "1", True)}
    assert books.records[locked_out.job_id]["att"] == "0"
    assert (len(attempts), len(later)) == (REFUSALS, 1)
    assert [pause for pause in pauses[AT_ONCE - 1 :] if pause < REFUSAL_SECONDS] == []
    assert over <= OVER_SECONDS
