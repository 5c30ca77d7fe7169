"""Inliners: the two engines by the operator's word."""

from importlib.util import find_spec
from typing import Any

from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.worker_settings import InlinerName
from workers.render.premailer_inliner import PremailerInliner
from workers.render.stylesheet import Inliner


class InlinerMissing(Misconfigured):
    """BEAMPOST_INLINER is css-inline, which is not installed; it comes with the extra `fast`."""


def inliner_named(name: InlinerName) -> type[Inliner[Any]]:
    """The engine; raises InlinerMissing."""
    if name == "premailer":
        return PremailerInliner
    if find_spec("css_inline") is None:
        raise InlinerMissing
    from workers.render.css_inline_inliner import CssInlineInliner  # noqa: PLC0415 -- an extra: it need not be installed

    return CssInlineInliner
