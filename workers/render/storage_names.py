"""Storage names: the two namespaces of storage, and how an attribute in them is read."""

from typing import Final

from workers.render.tree import Element

AC: Final = "{ac}"
RI: Final = "{ri}"
NAMES: Final = ("filename", "content-title", "value", "space-key")


def attribute(element: Element, name: str, namespace: str = AC) -> str:
    """An attribute, empty when it is not there."""
    return element.get(f"{namespace}{name}", "")


def resource(parent: Element) -> Element | None:
    """What an element points at: page, file, user, URL."""
    return next((child for child in parent if str(child.tag).startswith(RI)), None)


def resource_name(parent: Element) -> str:
    """The name of what an element points at."""
    found = resource(parent)
    return "" if found is None else next(filter(None, (attribute(found, name, RI) for name in NAMES)), "")
