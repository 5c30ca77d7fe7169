"""Apart: work in a thread that ends with it, for what a C library keeps as long as a thread lives."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from dispatcher.contracts.blank import blank_stack

P = ParamSpec("P")
T = TypeVar("T")


def apart(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What the work gives or raises."""

    def cleanly() -> T:
        try:
            return work(*arguments, **named)
        finally:
            blank_stack()

    with ThreadPoolExecutor(1, thread_name_prefix="apart") as thread:
        return thread.submit(cleanly).result()
