"""Bells: whoever is rung for wakes up; nobody looks into the message, so that nothing that somebody put into it can do harm."""

import logging
from collections.abc import Callable
from typing import Any, Final

LOGGER: Final = logging.getLogger("celery.bells")


def take_unread(task: Any, _app: Any, consumer: Any, **_: Any) -> Callable[..., None]:  # noqa: ANN401 -- Celery's signature
    """Celery's way of a task from its message to its run: at once, in the thread that heard it."""

    def take(_message: Any, _body: Any, acknowledge: Callable[..., None], *_: Any, **__: Any) -> None:  # noqa: ANN401 -- likewise
        acknowledge(LOGGER, consumer.connection_errors)
        task.run()

    return take
