"""Bred: what the bytes that atheris breeds stand for: texts, and the words of a mail server."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from dispatcher.contracts.mail import Tls
from tests.fuzz.journeys import ATOMS, DOMAINS, TAME, WORDS
from tests.fuzz.talks import AUTHS, CODES, EXTENSIONS, MECHANISMS, ODD_EXTENSIONS, ODDITIES, SAYINGS, More, Setting, reply

OPTIONS: Final = ("-len_control=0", "-max_len=512")  # of libFuzzer: long inputs from the start
POLITE, UNASKED, ODD, KINDS = 12, 12, 15, 16  # where the kinds of pieces begin among these


class Provider(Protocol):
    """As much of atheris.FuzzedDataProvider as is used."""

    ConsumeBool: Callable[[], bool]
    ConsumeBytes: Callable[[int], bytes]
    ConsumeIntInRange: Callable[[int, int], int]
    ConsumeUnicode: Callable[[int], str]
    PickValueInList: Callable[[list[object]], object]
    remaining_bytes: Callable[[], int]


@contextlib.contextmanager
def told(case: object) -> Iterator[None]:
    """What was bred is said where it found something; atheris itself shows bytes."""
    try:
        yield
    except BaseException:
        print(f"bred: {case!r}", file=sys.stderr, flush=True)
        raise


def text(provider: Provider, most: int = 10) -> str:
    """Words that have a meaning somewhere, by themselves or between characters of every kind."""
    draw = _tame_word if provider.ConsumeBool() else _word
    return "".join(draw(provider) for _ in range(provider.ConsumeIntInRange(0, most)))


def address(provider: Provider) -> str:
    """One that has a chance at the door."""
    local = "".join(_atom(provider) for _ in range(provider.ConsumeIntInRange(1, 6)))
    domain = text(provider, 4) if provider.ConsumeIntInRange(0, 3) == 0 else provider.PickValueInList(list(DOMAINS))
    return f"{local}@{domain}"


def setting(provider: Provider) -> Setting:
    pick = provider.PickValueInList
    offers = tuple(extension for extension in EXTENSIONS if provider.ConsumeIntInRange(0, 7))
    odd = provider.PickValueInList(list(ODD_EXTENSIONS)) if provider.ConsumeIntInRange(0, 3) == 0 else None
    offers += (odd,) if odd is not None else ()
    chances = [True, True, True, False]
    return Setting(
        pick(list(Tls)), pick(list(AUTHS)), pick(list(MECHANISMS)), offers, provider.ConsumeBool(), pick(chances), pick(chances)
    )  # fmt: skip


def pieces(provider: Provider) -> Iterator[bytes | None]:
    """What a server says, time after time; None is what it should say, and is so for the most part."""
    while provider.remaining_bytes():
        kind = provider.ConsumeIntInRange(0, KINDS - 1)
        if kind < POLITE:
            yield None
        elif kind == UNASKED:
            yield More(_reply(provider))
        else:
            yield _reply(provider) if kind < ODD else _oddity(provider)


def _reply(provider: Provider) -> bytes:
    lines = [b"".join(_saying(provider) for _ in range(provider.ConsumeIntInRange(0, 4))) for _ in range(provider.ConsumeIntInRange(1, 3))]
    return reply(provider.PickValueInList(list(CODES)), lines)


def _saying(provider: Provider) -> bytes:
    return provider.PickValueInList(list(SAYINGS))


def _oddity(provider: Provider) -> bytes:
    return provider.PickValueInList(list(ODDITIES)) if provider.ConsumeBool() else provider.ConsumeBytes(8)


def _word(provider: Provider) -> str:
    return provider.PickValueInList(list(WORDS)) if provider.ConsumeBool() else provider.ConsumeUnicode(2)


def _tame_word(provider: Provider) -> str:
    return provider.PickValueInList(list(TAME))


def _atom(provider: Provider) -> str:
    return _word(provider) if provider.ConsumeIntInRange(0, 7) == 0 else provider.PickValueInList(list(ATOMS))
