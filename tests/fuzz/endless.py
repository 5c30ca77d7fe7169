"""Endless: a process of its own that transmits to a server whose greeting never ends, and tells what became of it and what it took.

python tests/fuzz/endless.py PORT    prints: class and phase, KiB of resident memory more than for a refusal, seconds
"""

import asyncio
import resource
import sys
import time
from ipaddress import ip_network

from dispatcher.contracts.mail import Account, Envelope, Tls
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import transmit

LOOPBACK = Egress(allow_networks=(ip_network("127.0.0.0/8"),), allow_plaintext=True)
TOLD = Envelope("me@example.org", (("you@example.org", (0,)),))


async def never(_: frozenset[int]) -> bool:
    return False


def told(port: int) -> str:
    account = Account(host="127.0.0.1", port=port, tls=Tls.NONE)
    outcome = asyncio.run(transmit(b"x: y\r\n\r\nz\r\n", TOLD, account, egress=LOOPBACK, fence=never, limits=SmtpLimits()))
    return f"{outcome.failure.failure_class} {outcome.failure.phase}" if outcome.failure else "accepted"


def resident() -> int:
    """The most so far; in KiB on Linux, in bytes on macOS."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1024 if sys.platform == "darwin" else most


def main(port: int) -> None:
    told(port)
    before, begun = resident(), time.monotonic()
    answers = {told(port) for _ in range(5)}
    print(",".join(answers), resident() - before, (time.monotonic() - begun) / 5)


if __name__ == "__main__":
    main(int(sys.argv[1]))
