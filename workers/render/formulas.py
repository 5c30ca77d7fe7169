"""Formulas: MathML as the source it was made of; no mail client draws it, and the sanitiser would drop it whole."""

import html
import re
from typing import Final

MATH: Final = re.compile(r"(</?math\b[^<>]*>)", re.IGNORECASE)
ANNOTATION: Final = re.compile(r"<annotation\b([^<>]*+)>([^<]*+)", re.IGNORECASE)
TEX: Final = "application/x-tex"
TAG: Final = re.compile(r"<[^<>]*>")


def with_formulas(page: str) -> str:
    """The page with each formula as code: its TeX where it says it, else its characters."""
    if "<math" not in page.lower():
        return page
    pieces = MATH.split(page)
    return "".join(_piece(pieces, at) for at in range(len(pieces)))


def _piece(pieces: list[str], at: int) -> str:
    is_tag, before = at % 2 == 1, pieces[at - 1] if at else ""
    if is_tag:
        return ""
    if not before.lower().startswith("<math"):
        return pieces[at]
    tex = next((said for attributes, said in ANNOTATION.findall(pieces[at]) if TEX in attributes), None)
    source = " ".join(html.unescape(TAG.sub("", ANNOTATION.sub("", pieces[at])) if tex is None else tex).split())
    return f'<code class="formula">{html.escape(source)}</code>' if source else ""
