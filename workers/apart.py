"""Apart: work in a thread that ends with it, for what a C library keeps as long as a thread lives: names, and what lay on its stack."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def apart(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> "Future[T]":
    """Begun at once; whoever waits for it gets what it gives or raises."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="apart")
    begun = thread.submit(work, *arguments, **named)
    thread.shutdown(wait=False)
    return begun
