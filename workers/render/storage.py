"""Storage: Confluence's storage format, rewritten as the classes of its view, so that one set of rules serves both."""

import html
import re
from collections.abc import Callable
from typing import Final, cast

from lxml import etree

from workers.render.tree import Element, drop, make, pour, replace, text_of, unwrap

CDATA: Final = re.compile(r"(<!\[CDATA\[.*?(?:\]\]>|\Z))", re.DOTALL)
DOCTYPE: Final = re.compile(r"\A\s*(?:<\?xml[^>]*\?>\s*)?<!DOCTYPE[^\[>]*(?:\[[^\]]*\])?[^>]*>", re.IGNORECASE)
NAMESPACE: Final = re.compile(r"""\sxmlns(?::\w+)?\s*=\s*(?:"[^"]*"|'[^']*')""")
ENTITY: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([a-zA-Z][a-zA-Z0-9]*;)")
AC: Final = "{ac}"
RI: Final = "{ri}"
OUTER: Final = '<root xmlns:ac="ac" xmlns:ri="ri" xmlns:at="at">'

INFORMATION: Final = {"info": "information", "note": "note", "tip": "tip", "warning": "warning"}
LOZENGES: Final = {"green": "success", "red": "error", "yellow": "moved", "blue": "current", "purple": "complete"}
PANELS: Final = {
    "panel-info": "information",
    "panel-note": "note",
    "panel-success": "tip",
    "panel-warning": "note",
    "panel-error": "warning",
}
UNSEEN: Final = frozenset({"anchor", "placeholder", "adf-attribute", "adf-parameter", "task-id", "task-uuid"})


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
    tag = str(element.tag)
    rule = ELEMENTS.get(tag.removeprefix(AC)) if tag.startswith(AC) else None
    if rule is not None:
        rule(element)
    elif tag.startswith(AC) and tag.removeprefix(AC) in UNSEEN:
        drop(element)
    elif tag.startswith(AC) and tag not in {f"{AC}parameter", f"{AC}rich-text-body", f"{AC}plain-text-body"}:
        unwrap(element)


def _attribute(element: Element, name: str, namespace: str = AC) -> str:
    return element.get(f"{namespace}{name}", "")


def _parameters(macro: Element) -> dict[str, str]:
    return {_attribute(parameter, "name"): text_of(parameter) for parameter in macro.iterchildren(f"{AC}parameter")}


def _body(macro: Element) -> Element | None:
    """What a macro wraps: rich text, or plain text as `<pre>`."""
    rich = macro.find(f"{AC}rich-text-body")
    if rich is not None:
        return pour(rich, make("div"))
    plain = macro.find(f"{AC}plain-text-body")
    return None if plain is None else make("pre", None, "".join(str(piece) for piece in plain.itertext()))


def _macro(macro: Element) -> None:
    name, parameters, body = _attribute(macro, "name"), _parameters(macro), _body(macro)
    if name in {"anchor", "details-summary"}:
        drop(macro)
        return
    if name in INFORMATION or name in {"panel", "code", "noformat", "expand"}:
        replace(macro, _boxed(name, parameters, make("div") if body is None else body))
    elif name == "status":
        colour = LOZENGES.get(parameters.get("colour", parameters.get("color", "")).lower(), "")
        replace(macro, make("span", {"class": f"status-macro aui-lozenge aui-lozenge-{colour}"}, parameters.get("title", "")))
    elif name in {"toc", "toc-zone"}:
        replace(macro, make("div", {"class": "toc-macro"}, None, [] if body is None else [body]))
    elif name == "jira":
        replace(macro, make("span", {"class": "jira-issue"}, parameters.get("key") or parameters.get("jqlQuery") or "Jira"))
    elif body is not None:
        replace(macro, body)
    else:
        said = next((value for key, value in parameters.items() if value and "id" not in key.lower()), "")
        replace(macro, make("span", {"class": "unknown-macro"}, f"{name}: {said}" if said else name))


def _boxed(name: str, parameters: dict[str, str], body: Element) -> Element:
    title = parameters.get("title", "")
    if name in INFORMATION:
        body.set("class", "confluence-information-macro-body")
        head = [make("p", {"class": "title"}, title)] if title else []
        return make("div", {"class": f"confluence-information-macro confluence-information-macro-{INFORMATION[name]}"}, None, [*head, body])
    if name == "expand":
        body.set("class", "expand-content")
        control = make("div", {"class": "expand-control"}, None, [make("span", {"class": "expand-control-text"}, title)])
        return make("div", {"class": "expand-container"}, None, [control, body])
    if name == "panel":
        body.set("class", "panelContent")
        head = [make("div", {"class": "panelHeader"}, title)] if title else []
        style = ";".join(
            f"{rule}:{parameters[key]}"
            for rule, key in (("background-color", "bgColor"), ("border-color", "borderColor"))
            if key in parameters
        )
        return make("div", {"class": "panel", "style": style}, None, [*head, body])
    head = [make("div", {"class": "codeHeader"}, title)] if title else []
    return make("div", {"class": "code panel"}, None, [*head, make("div", {"class": "codeContent"}, None, [body])])


def _link(link: Element) -> None:
    user = link.find(f"{RI}user")
    body = next((child for child in link if child.tag in {f"{AC}link-body", f"{AC}plain-text-link-body"}), None)
    target = next((child for child in link if str(child.tag).startswith(RI)), None)
    names = [_attribute(target, key, RI) for key in ("content-title", "filename", "value", "space-key")] if target is not None else []
    label = text_of(body) if body is not None else next(filter(None, names), _attribute(link, "anchor"))
    if user is not None and not label:
        drop(link)
        return
    clip = "📎 " if target is not None and target.tag == f"{RI}attachment" and body is None else ""
    new = make("a", {"class": "user-mention"}, label) if user is not None else make("span", None, f"{clip}{label}")
    replace(link, new if body is None or not len(body) else pour(body, make("span")))


def _image(image: Element) -> None:
    source = next((child for child in image if str(child.tag).startswith(RI)), None)
    name = "" if source is None else _attribute(source, "filename", RI)
    attributes = {"class": f"confluence-embedded-image image-{_attribute(image, 'align') or 'none'}", "alt": _attribute(image, "alt")}
    width = _attribute(image, "width") or _attribute(image, "original-width")
    attributes |= {"width": width} if width.isdecimal() else {}
    attributes |= {"data-linked-resource-default-alias": name} if name else {}
    attributes |= {"src": _attribute(source, "value", RI)} if source is not None and source.tag == f"{RI}url" else {}
    caption = image.find(f"{AC}caption")
    new = make("img", attributes)
    replace(image, new if caption is None else make("span", None, None, [new, make("br"), pour(caption, make("em"))]))


def _emoticon(emoticon: Element) -> None:
    names = ("emoji-id", "emoji-fallback", "emoji-shortname")
    attributes = {f"data-{name}": _attribute(emoticon, name) for name in names if _attribute(emoticon, name)}
    replace(
        emoticon,
        make("img", attributes | {"class": f"emoticon emoticon-{_attribute(emoticon, 'name')}", "alt": _attribute(emoticon, "name")}),
    )


def _task(task: Element) -> None:
    status, body = task.find(f"{AC}task-status"), task.find(f"{AC}task-body")
    checked = status is not None and text_of(status) == "complete"
    item = make("li", {"class": "checked"} if checked else None)
    replace(task, item if body is None else pour(body, item))


def _renamed(tag: str, css_class: str) -> Callable[[Element], None]:
    def rename(element: Element) -> None:
        kind = _attribute(element, "type").replace("_", "-")
        replace(element, pour(element, make(tag, {"class": f"{css_class} {kind}".strip()})))

    return rename


def _adf(extension: Element) -> None:
    """New editor parts carry an older rendering of themselves; it is taken where there is one."""
    fallback, node = extension.find(f"{AC}adf-fallback"), extension.find(f"{AC}adf-node")
    if fallback is not None and not text_of(fallback) and node is not None:
        fallback = node
    replace(extension, pour(extension if fallback is None else fallback, make("div")))


KEPT: Final[Callable[[Element], None]] = lambda _: None  # noqa: E731 -- a rule that leaves its element for the parent's rule
ELEMENTS: Final[dict[str, Callable[[Element], None]]] = {
    "structured-macro": _macro,
    "macro": _macro,
    "link": _link,
    "link-body": KEPT,
    "plain-text-link-body": KEPT,
    "image": _image,
    "caption": KEPT,
    "emoticon": _emoticon,
    "task-list": _renamed("ul", "inline-task-list"),
    "task": _task,
    "task-status": KEPT,
    "task-body": KEPT,
    "layout": _renamed("div", "contentLayout2"),
    "layout-section": _renamed("div", "columnLayout"),
    "layout-cell": _renamed("div", "cell"),
    "adf-extension": _adf,
    "adf-node": KEPT,
    "adf-fallback": KEPT,
}
