"""Rendering: the values that come out of the stage `render`."""

import msgspec

from dispatcher.contracts.outcome import Remark


class InlineImage(msgspec.Struct, frozen=True):
    """A picture of the mail; `content_id` is without angle brackets (RFC 2392)."""

    content_id: str
    name: str
    type: str
    content: bytes


class Warning(msgspec.Struct, frozen=True):  # noqa: A001 -- the word of the API; nobody here raises the builtin
    """Something that the mail shows otherwise than the page: how often."""

    code: Remark
    count: int


class Rendering(msgspec.Struct, frozen=True):
    """A page as mail: two alternatives that say the same, and the pictures of the first; `left_out` as the job has it."""

    html: str
    text: str
    images: tuple[InlineImage, ...] = ()
    warnings: tuple[Warning, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def remarks(self) -> dict[Remark, int]:
        """The warnings as an outcome has them."""
        return {warning.code: warning.count for warning in self.warnings}
