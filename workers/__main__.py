"""Run a worker: `python -m workers`."""

import signal
import sys

from pydantic import ValidationError

from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.privacy import install
from dispatcher.contracts.settings import complaint, read
from dispatcher.contracts.worker_settings import WorkerSettings
from workers.celery_app import Process


def main() -> int:
    """Works until told to stop; 2 when the settings do not allow a start."""
    try:
        settings = read(WorkerSettings)
        install(settings)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # while Redis is waited for; then Celery has its own way
        Process(settings).run()
    except (Misconfigured, ValidationError) as error:
        sys.stderr.write(f"beampost worker: {complaint(error)}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
