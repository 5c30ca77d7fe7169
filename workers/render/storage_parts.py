"""Storage parts: what storage writes in its own elements and not as macros: links, images, emoji, tasks, layouts, new editor parts."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

from workers.render.storage_names import AC, RI, attribute, resource, resource_name
from workers.render.tree import Element, drop, make, pour, replace, text_of

LINK_BODIES: Final = frozenset({f"{AC}link-body", f"{AC}plain-text-link-body"})
ADF_PANELS: Final = {"info": "information", "note": "note", "success": "tip", "warning": "note", "error": "warning"}


def _link(link: Element) -> None:
    target, body = resource(link), next((child for child in link if child.tag in LINK_BODIES), None)
    kind = "" if target is None else str(target.tag).removeprefix(RI)
    label = resource_name(link) or attribute(link, "anchor") if body is None else text_of(body)
    if kind == "user" and not label:
        drop(link)
    elif kind == "user":
        replace(link, make("a", {"class": "user-mention"}, label))
    elif kind == "attachment" and body is None:
        replace(link, make("a", {"class": "confluence-embedded-file", "data-linked-resource-default-alias": label}, label))
    else:
        new = make("a", {"href": _address(link, target)})
        replace(link, pour(make("span", None, label) if body is None else body, new))


def _address(link: Element, target: Element | None) -> str:
    """Pages are found by space and title; without a space only a browser knows where the page is."""
    anchor = attribute(link, "anchor")
    suffix = f"#{anchor}" if anchor else ""
    if target is None:
        return suffix
    space, title = attribute(target, "space-key", RI), attribute(target, "content-title", RI)
    if not space:
        return attribute(target, "value", RI)
    return "/".join(["/display", quote(space, safe="~"), *([quote(title, safe="")] if title else [])]) + suffix


def _image(image: Element) -> None:
    source = resource(image)
    name = "" if source is None else attribute(source, "filename", RI)
    attributes = {"class": f"confluence-embedded-image image-{attribute(image, 'align') or 'none'}", "alt": attribute(image, "alt")}
    width = attribute(image, "width") or attribute(image, "original-width")
    attributes |= {"width": width} if width.isdecimal() else {}
    attributes |= {"data-linked-resource-default-alias": name} if name else {}
    attributes |= {"src": attribute(source, "value", RI)} if source is not None and source.tag == f"{RI}url" else {}
    caption = image.find(f"{AC}caption")
    new, parent = make("img", attributes), image.getparent()
    inline = parent is not None and parent.tag in {"p", "span", "a", "em", "strong", "li"}
    if caption is None and inline:
        replace(image, new)
        return
    said = [] if caption is None else [make("br"), make("em", None, text_of(caption))]
    replace(image, make("span" if inline else "p", None, None, [new, *said]))


def _emoticon(emoticon: Element) -> None:
    names = ("emoji-id", "emoji-fallback", "emoji-shortname")
    attributes = {f"data-{name}": attribute(emoticon, name) for name in names if attribute(emoticon, name)}
    replace(
        emoticon,
        make("img", attributes | {"class": f"emoticon emoticon-{attribute(emoticon, 'name')}", "alt": attribute(emoticon, "name")}),
    )


def _task(task: Element) -> None:
    status, body = task.find(f"{AC}task-status"), task.find(f"{AC}task-body")
    checked = status is not None and text_of(status) == "complete"
    item = make("li", {"class": "checked"} if checked else None)
    replace(task, item if body is None else pour(body, item))


def _renamed(tag: str, css_class: str) -> Callable[[Element], None]:
    def rename(element: Element) -> None:
        kind = attribute(element, "type").replace("_", "-")
        replace(element, pour(element, make(tag, {"class": f"{css_class} {kind}".strip()})))

    return rename


def _adf(extension: Element) -> None:
    """New editor parts carry an older rendering of themselves, which is taken unless the part is a panel that we know better."""
    node, fallback = extension.find(f"{AC}adf-node"), extension.find(f"{AC}adf-fallback")
    panel = None if node is None else _adf_panel(node)
    if panel is not None:
        replace(extension, panel)
    elif fallback is not None and text_of(fallback):
        replace(extension, pour(fallback, make("div")))
    else:
        replace(extension, pour(extension if node is None else _plain(node), make("div")))


def _plain(node: Element) -> Element:
    """A new editor part without its settings; the items of a list of decisions are those of a list."""
    for said in list(node.iter(f"{AC}adf-attribute")):
        drop(said)
    for inner in list(node.iterdescendants(f"{AC}adf-node", f"{AC}adf-content")):
        replace(inner, pour(inner, make("li" if _type(inner) == "decision-item" else "div")))
    if _type(node) != "decision-list":
        return node
    return make("div", None, None, [pour(node, make("ul", {"class": "decision-list"}))])


def _type(node: Element) -> str:
    return attribute(node, "type") or node.get("type", "")


def _adf_panel(node: Element) -> Element | None:
    content = node.find(f"{AC}adf-content")
    said = {attribute(child, "key") or child.get("key", ""): text_of(child) for child in node.iterchildren(f"{AC}adf-attribute")}
    kind = ADF_PANELS.get(said.get("panel-type", ""))
    if kind is None or content is None or _type(node) != "panel":
        return None
    body = pour(content, make("div", {"class": "confluence-information-macro-body"}))
    return make("div", {"class": f"confluence-information-macro confluence-information-macro-{kind}"}, None, [body])


PARTS: Final[Mapping[str, Callable[[Element], None]]] = {
    "link": _link,
    "image": _image,
    "emoticon": _emoticon,
    "task-list": _renamed("ul", "inline-task-list"),
    "task": _task,
    "layout": _renamed("div", "contentLayout2"),
    "layout-section": _renamed("div", "columnLayout"),
    "layout-cell": _renamed("div", "cell"),
    "adf-extension": _adf,
}
