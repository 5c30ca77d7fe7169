"""Hardening: CPU of a worker and of the API for one mail with a body of 40 KB, with everything that `require` asks for and with nothing.

    .venv/bin/python bench/hardening.py [mails] [rounds]

Two whole stacks stand beside each other and are measured in turns, so that both meet the same noise; the sink is a process of its own,
by TLS with a sign-in. CPU is user and system time out of /proc; Linux only. Compare the columns of one run.
"""

import os
import statistics
import sys
from pathlib import Path

from tests.faults.running_sink import RunningSink, running_sink
from tests.system.running_stack import LOOPBACK, RunningStack, await_true, running_stack
from tests.system.submissions import changed, submission

TICKS = os.sysconf("SC_CLK_TCK")
MARKED = (
    '<p>Release notes of <a href="https://acme.example/wiki/pages/{0}">page {0}</a>: what was <strong>mended</strong>, and since when.</p>'
)
SENTENCE = "What was mended in release {0} of the checkout, who asked for it, and since when it has been in use. "
PAGES = {
    "prose": "".join(f"<p>{SENTENCE.format(number) * 5}</p>" for number in range(80)),
    "markup": "".join(MARKED.format(number) for number in range(320)),
}
BOUNDS = {"posts_per_minute": 1_000_000, "posts_burst": 100_000, "open_jobs": 100_000, "account_connections": 10, "tenant_jobs": 10}


def milliseconds(pid: int) -> float:
    """The CPU of a process until now."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return 1000 * (int(user) + int(system)) / TICKS


def measured(stack: RunningStack, sink: RunningSink, body: str, mails: int) -> tuple[float, float]:
    """Worker and API, a mail; with what the poll of an idle worker costs meanwhile, which is the same on both sides."""
    pids = stack.worker, stack.facts["pids"]["api"]
    page = changed(submission(sink.account_of("jane", "pw"), "max@example.org"), ("/page/body", body))
    client, arrived = stack.client(), sink.glance().mails + mails
    began = [milliseconds(pid) for pid in pids]
    for _ in range(mails):
        client.submit(page)
    await_true(lambda: sink.glance().mails >= arrived, 300)
    worker, api = ((milliseconds(pid) - before) / mails for pid, before in zip(pids, began, strict=True))
    return worker, api


def report(name: str, pairs: list[tuple[float, float]]) -> None:
    """Columns are compared by their medians and by their least, and each pair by itself."""
    hardened, plain = zip(*pairs, strict=True)
    for how, of in (("median", statistics.median), ("least", min)):
        print(f"{name}, {how:<7} {of(hardened):8.2f} {of(plain):8.2f}   x{of(hardened) / of(plain):.2f}")
    print(f"{name}, pairs    " + " ".join(f"x{ratio:.2f}" for ratio in sorted(ours / theirs for ours, theirs in pairs)))


def compare(stacks: tuple[RunningStack, RunningStack], sink: RunningSink, name: str, mails: int, rounds: int) -> None:
    """The hardened stack first, and in every other round last."""
    found: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for turn in range(rounds + 1):
        order = stacks if turn % 2 else stacks[::-1]
        costs = {id(stack): measured(stack, sink, PAGES[name], mails) for stack in order}
        found.append((costs[id(stacks[0])], costs[id(stacks[1])]))
    print(f"{name}, {len(PAGES[name])} characters{'':8} require      off   ratio  (ms of CPU a mail)")
    for place, program in enumerate(("worker", "API   ")):
        report(program, [(ours[place], theirs[place]) for ours, theirs in found[1:]])  # the first round warms up


def main() -> None:
    mails, rounds = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (100, 7)
    with (
        running_sink() as sink,
        running_stack(*LOOPBACK, memory_wipe="require", sandbox="require", **BOUNDS) as hardened,
        running_stack(*LOOPBACK, memory_wipe="off", sandbox="off", **BOUNDS) as plain,
    ):
        for name in PAGES:
            compare((hardened, plain), sink, name, mails, rounds)


if __name__ == "__main__":
    main()
