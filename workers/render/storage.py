"""Storage: Confluence's storage format, rewritten as the classes of its view, so that one set of rules serves both."""

import html
import re
from typing import Final, cast

from lxml import etree

from workers.render.storage_macros import macro
from workers.render.storage_names import AC, RI
from workers.render.storage_parts import PARTS
from workers.render.tree import Element, drop, unwrap

CDATA: Final = re.compile(r"(<!\[CDATA\[.*?(?:\]\]>|\Z))", re.DOTALL)
DOCTYPE: Final = re.compile(r"\A\s*(?:<\?xml[^>]*\?>\s*)?<!DOCTYPE[^\[>]*(?:\[[^\]]*\])?[^>]*>", re.IGNORECASE)
NAMESPACE: Final = re.compile(r"""\sxmlns(?::\w+)?\s*=\s*(?:"[^"]*"|'[^']*')""")
ENTITY: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([a-zA-Z][a-zA-Z0-9]*;)")
OUTER: Final = '<root xmlns:ac="ac" xmlns:ri="ri" xmlns:at="at">'

MACROS: Final = frozenset({"structured-macro", "macro"})
UNSEEN: Final = frozenset({"anchor", "placeholder", "adf-parameter", "task-id", "task-uuid"})
FOR_THE_PARENT: Final = frozenset(
    "parameter rich-text-body plain-text-body link-body plain-text-link-body caption task-status task-body adf-node adf-content "
    "adf-attribute adf-fallback".split(),
)


def view_of(storage: str) -> str:
    """Storage XML as HTML with the classes of `view`; text that no rule knows stays as text."""
    text = NAMESPACE.sub("", DOCTYPE.sub("", storage, count=1))
    parts = (part if part.startswith("<![CDATA[") else ENTITY.sub(_character, part) for part in CDATA.split(text))
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        huge_tree=True,
        no_network=True,
        recover=True,
        remove_comments=True,
        remove_pis=True,
    )
    root = cast("Element | None", etree.fromstring(f"{OUTER}{''.join(parts)}</root>".encode(), parser))
    if root is None:
        return html.escape(storage)
    for element in reversed([element for element in root.iter(etree.Element) if str(element.tag).startswith((AC, RI))]):
        _convert(element)
    root.tag = "div"
    etree.cleanup_namespaces(root)
    return etree.tostring(root, encoding="unicode", method="html")


def _character(entity: re.Match[str]) -> str:
    character = html.unescape(entity[0])
    return html.escape(character) if character != entity[0] else f"&amp;{entity[1]}"


def _convert(element: Element) -> None:
    """Children come first, so that a rule finds its content converted."""
    space, _, name = str(element.tag).rpartition("}")
    if space != AC.removesuffix("}"):
        return
    if name in MACROS:
        macro(element)
    elif name in PARTS:
        PARTS[name](element)
    elif name in UNSEEN:
        drop(element)
    elif name not in FOR_THE_PARENT:
        unwrap(element)
