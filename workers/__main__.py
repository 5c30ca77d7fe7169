"""Run a worker: `python -m workers`."""

import signal
import sys

from pydantic import ValidationError

from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.hardening import harden
from dispatcher.contracts.privacy import install
from dispatcher.contracts.settings import complaint, read
from dispatcher.contracts.tracing import start_tracing
from dispatcher.contracts.wipe import start_wiping
from dispatcher.contracts.worker_settings import WorkerSettings
from workers.sandbox import ports


def main() -> int:
    """Works until told to stop; 2 when the settings do not allow a start."""
    try:
        settings = read(WorkerSettings)
        if settings.memory_wipe != "off":
            start_wiping()
        from workers.celery_app import Process  # noqa: PLC0415 -- loaded once, by the interpreter that stays

        install(settings)
        hardening = harden(settings, ports(settings))
        start_tracing(settings, "worker")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # while Redis is waited for; then Celery has its own way
        Process(settings, hardening).run()
    except (Misconfigured, ValidationError) as error:
        sys.stderr.write(f"beampost worker: {complaint(error)}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
