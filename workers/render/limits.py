"""Limits: how much of a page is rendered at all, and how much a mail may become."""

import time
from typing import Final

import msgspec

from dispatcher.contracts.errors import PageTooSlow
from dispatcher.contracts.worker_settings import WorkerSettings

MEBIBYTE: Final = 1024 * 1024
MILLION: Final = 1_000_000


class RenderLimits(msgspec.Struct, frozen=True):
    """`page_*` refuse a page before any work; `html_bytes` is where Gmail clips; pictures beyond theirs become links."""

    page_bytes: int = 2 * MEBIBYTE
    page_elements: int = 60_000
    page_depth: int = 500
    seconds: float = 10.0
    html_bytes: int = 100_000
    text_bytes: int = 500_000
    picture_pixels: int = 40_000_000
    picture_input_bytes: int = 10 * MEBIBYTE
    picture_bytes: int = MEBIBYTE
    pictures_bytes: int = 8 * MEBIBYTE

    @classmethod
    def of(cls, settings: WorkerSettings) -> "RenderLimits":
        """As the operator has set them."""
        named = {name: getattr(settings, name) for name in cls.__struct_fields__ if name not in {"seconds", "picture_pixels"}}
        return cls(seconds=settings.render_seconds, picture_pixels=settings.picture_megapixels * MILLION, **named)


class Watch:
    """What a render has left of its time; it is asked between steps, and in every loop that a page can make long."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def look(self) -> None:
        """Raises PageTooSlow when the time is over."""
        if time.monotonic() > self._end:
            raise PageTooSlow
