"""Turning: an event loop in a thread of its own, which is over before the interpreter is."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def turning(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Meanwhile the loop runs in a thread of its own; afterwards it stands, with all that was left undone.

    A loop that still turned when the interpreter is taken down would call into it at its next timer, and crash. Nothing
    is cancelled: a job that a cancel put back into its queue might be one whose mail is out.
    """
    thread = threading.Thread(target=loop.run_forever, name="loop")
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
