"""Tree: the few edits of an lxml tree that the constructs are written in."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias, cast

from lxml import etree

Element: TypeAlias = etree._Element  # noqa: SLF001 -- lxml has no public name for its element type

UNWRAPPED: Final = "unwrapped"


def parse(html: str) -> Element:
    """The tree of sanitised HTML, under `<div class="page">`."""
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, no_network=True, recover=True, remove_comments=True, remove_pis=True)
    root = etree.fromstring(f'<html><body><div class="page">{html}</div></body></html>'.encode(), parser)
    return cast("Element", root[0][0])


def serialise(root: Element) -> str:
    """The HTML of an element, without what follows it."""
    return etree.tostring(root, encoding="unicode", method="html", with_tail=False)


def serialised(root: Element) -> bytes:
    """The same in UTF-8."""
    return etree.tostring(root, encoding="utf-8", method="html", with_tail=False)


def make(tag: str, attributes: Mapping[str, str] | None = None, text: str | None = None, children: Iterable[Element] = ()) -> Element:
    """A new element."""
    element = etree.Element(tag, dict(attributes or {}))
    element.text = text
    element.extend(children)
    return element


def classes(element: Element) -> list[str]:
    """The class names of an element."""
    return element.get("class", "").split()


def child_of(element: Element, *names: str) -> Element | None:
    """The first child that has one of the class names; what is nested deeper belongs to another construct."""
    return next((child for child in element if not set(names).isdisjoint(classes(child))), None)


def text_of(element: Element) -> str:
    """The text under an element, its blanks folded."""
    return " ".join("".join(str(piece) for piece in element.itertext()).split())


def leave_text(element: Element, text: str | None) -> None:
    """Put text right before an element."""
    if not text:
        return
    previous, parent = element.getprevious(), element.getparent()
    if previous is not None:
        previous.tail = (previous.tail or "") + text
    elif parent is not None:
        parent.text = (parent.text or "") + text


def drop(element: Element) -> None:
    """Remove an element and all in it; what follows it stays."""
    parent = element.getparent()
    if parent is None:
        return
    leave_text(element, element.tail)
    parent.remove(element)


def unwrap(element: Element) -> None:
    """Put the content of an element in its place."""
    leave_text(element, element.text)
    for child in list(element):
        element.addprevious(child)
    drop(element)


def unwrap_all(root: Element, elements: Iterable[Element]) -> None:
    """Unwrap many elements in one pass of the tree."""
    for element in elements:
        element.tag = UNWRAPPED
    etree.strip_tags(root, UNWRAPPED)


def replace(element: Element, new: Element) -> None:
    """Put another element in the place of this one."""
    parent = element.getparent()
    if parent is None:
        return
    new.tail, element.tail = element.tail, None
    parent.replace(element, new)


def pour(source: Element, target: Element) -> Element:
    """Move the content of one element to the end of another, which is returned."""
    if source.text:
        if len(target):
            target[-1].tail = (target[-1].tail or "") + source.text
        else:
            target.text = (target.text or "") + source.text
    for child in list(source):
        target.append(child)
    return target


def is_blank(element: Element) -> bool:
    """Whether nothing in it can be seen."""
    if element.text and not element.text.isspace():
        return False
    if next(element.iter("img", "hr", "input"), None) is not None:
        return False
    return not "".join(str(piece) for piece in element.itertext()).strip()
