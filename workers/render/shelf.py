"""Shelf: what was made of a customer's stylesheet, for the next mail of the same wave; forgotten soon after its last use."""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

KEPT_SECONDS: Final = 30.0
MOST: Final = 64
T = TypeVar("T")


class Shelf(Generic[T]):
    """Keeps `make(text)` by a keyed hash of the text; a timer clears it, also when nobody asks any more."""

    def __init__(self, make: Callable[[str], T], seconds: float = KEPT_SECONDS) -> None:
        self._make = make
        self._seconds = seconds
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._kept: dict[bytes, tuple[float, T]] = {}  # least lately used first

    def __len__(self) -> int:
        return len(self._kept)

    def __call__(self, text: str) -> T:
        """What was made of this text, or is made now."""
        key = hashlib.blake2b(text.encode(), key=self._key).digest()
        with self._lock:
            _, value = self._kept.pop(key, (0.0, None))
        return self._put(key, self._make(text) if value is None else value)

    def _put(self, key: bytes, value: T) -> T:
        with self._lock:
            if not self._kept:
                self._clear_later(self._seconds)
            self._kept[key] = time.monotonic(), value
            while len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]
        return value

    def _clear_later(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._clear)
        timer.daemon = True
        timer.start()

    def _clear(self) -> None:
        with self._lock:
            now = time.monotonic()
            self._kept = {key: item for key, item in self._kept.items() if item[0] + self._seconds > now}
            if self._kept:
                self._clear_later(max(0.01, min(used for used, _ in self._kept.values()) + self._seconds - now))
