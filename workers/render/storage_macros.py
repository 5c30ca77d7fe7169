"""Storage macros: each macro of storage as the classes of its view."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias
from urllib.parse import quote

from workers.render.storage_names import AC, attribute, resource_name
from workers.render.tree import Element, drop, make, pour, replace, text_of

Parameters: TypeAlias = Mapping[str, str]
Maker: TypeAlias = Callable[[str, Parameters, Element], Element]

INFORMATION: Final = {"info": "information", "note": "note", "tip": "tip", "warning": "warning"}
LOZENGES: Final = {"green": "success", "red": "error", "yellow": "moved", "blue": "current", "purple": "complete"}
UNSEEN: Final = frozenset(
    "anchor contributors contributors-summary create-from-template favpages gallery-controls livesearch navmap network pagetreesearch "
    "profile profile-picture recently-updated search labels space-details".split(),
)
LISTS: Final = frozenset(
    "blog-posts children content-report-table contentbylabel content-by-user content-tree detailssummary details-summary excerpt-list "
    "index listlabels pagetree page-tree popular-labels related-labels spaces-list task-report tasks-report-macro attachments".split(),
)
FILES: Final = frozenset("view-file viewdoc viewxls viewppt viewpdf multimedia".split())
DIAGRAMS: Final = frozenset("drawio drawio-sketch inc-drawio gliffy lucidchart mermaid mermaid-macro mermaid-cloud plantuml".split())
FORMULAS: Final = frozenset("easy-math-block eazy-math-inline mathblock mathinline mathblock-ref latex latex-formatting mathjax".split())
FRAMES: Final = frozenset({"widget", "iframe", "html-include"})
DIAGRAM_NAMES: Final = ("diagramName", "diagramDisplayName", "name", "filename", "displayName")
FILE_NAMES: Final = ("name", "filename", "file")
URLS: Final = ("url", "src", "location")


def macro(element: Element) -> None:
    """Replace a macro whose content is converted already."""
    name, parameters, body = attribute(element, "name"), _parameters(element), _body(element)
    if name in UNSEEN or (name in {"excerpt", "details"} and parameters.get("hidden") == "true"):
        drop(element)
    elif name in MAKERS:
        replace(element, MAKERS[name](name, parameters, make("div") if body is None else body))
    elif body is not None:
        replace(element, body)
    else:
        replace(element, _unknown(name, parameters))


def _parameters(element: Element) -> Parameters:
    found = element.iterchildren(f"{AC}parameter")
    return {attribute(parameter, "name"): text_of(parameter) or resource_name(parameter) for parameter in found}


def _body(element: Element) -> Element | None:
    """What a macro wraps: rich text, or plain text as `<pre>`."""
    rich = element.find(f"{AC}rich-text-body")
    if rich is not None:
        return pour(rich, make("div"))
    plain = element.find(f"{AC}plain-text-body")
    return None if plain is None else make("pre", None, "".join(str(piece) for piece in plain.itertext()))


def _said(parameters: Parameters, names: tuple[str, ...]) -> str:
    return next((parameters[name] for name in names if parameters.get(name)), "")


def _unknown(name: str, parameters: Parameters) -> Element:
    said = next((value for key, value in parameters.items() if value and "id" not in key.lower()), "")
    return make("span", {"class": "unknown-macro"}, f"{name}: {said}" if said else name)


def _information(name: str, parameters: Parameters, body: Element) -> Element:
    body.set("class", "confluence-information-macro-body")
    head = [make("p", {"class": "title"}, parameters["title"])] if parameters.get("title") else []
    return make("div", {"class": f"confluence-information-macro confluence-information-macro-{INFORMATION[name]}"}, None, [*head, body])


def _panel(_: str, parameters: Parameters, body: Element) -> Element:
    body.set("class", "panelContent")
    head = [make("div", {"class": "panelHeader"}, parameters["title"])] if parameters.get("title") else []
    colours = {"background-color": parameters.get("bgColor"), "border-color": parameters.get("borderColor")}
    style = ";".join(f"{rule}:{colour}" for rule, colour in colours.items() if colour)
    return make("div", {"class": "panel", "style": style}, None, [*head, body])


def _expand(_: str, parameters: Parameters, body: Element) -> Element:
    body.set("class", "expand-content")
    label = make("span", {"class": "expand-control-text"}, parameters.get("title", ""))
    return make("div", {"class": "expand-container"}, None, [make("div", {"class": "expand-control"}, None, [label]), body])


def _code(_: str, parameters: Parameters, body: Element) -> Element:
    head = [make("div", {"class": "codeHeader"}, parameters["title"])] if parameters.get("title") else []
    return make("div", {"class": "code panel"}, None, [*head, make("div", {"class": "codeContent"}, None, [body])])


def _status(_: str, parameters: Parameters, __: Element) -> Element:
    colour = LOZENGES.get(_said(parameters, ("colour", "color")).lower(), "")
    return make("span", {"class": f"status-macro aui-lozenge aui-lozenge-{colour}"}, parameters.get("title", ""))


def _toc(_: str, parameters: Parameters, body: Element) -> Element:
    lowest, highest = _level(parameters.get("minLevel"), 1), _level(parameters.get("maxLevel"), 6)
    levels = ",".join(f"h{level}" for level in range(lowest, highest + 1))
    toc = make("div", {"class": "toc-macro", "data-headerelements": levels})
    return make("div", None, None, [toc, body]) if text_of(body) else toc


def _level(said: str | None, otherwise: int) -> int:
    return int(said) if said in {"1", "2", "3", "4", "5", "6"} else otherwise


def _jira(name: str, parameters: Parameters, _: Element) -> Element:
    key, query = parameters.get("key", ""), _said(parameters, ("jqlQuery", "jql", "url"))
    if key:
        return make("span", {"class": "jira-issue"}, None, [make("a", {"href": f"/browse/{quote(key, safe='')}"}, key)])
    if query and not query.startswith("http"):
        return make("span", {"class": "jira-issue"}, None, [make("a", {"href": f"/issues/?jql={quote(query, safe='')}"}, f"Jira: {query}")])
    return _unknown(name, parameters)


def _file(_: str, parameters: Parameters, __: Element) -> Element:
    name = _said(parameters, FILE_NAMES)
    return make("a", {"class": "confluence-embedded-file", "data-linked-resource-default-alias": name}, name)


def _diagram(name: str, parameters: Parameters, body: Element) -> Element:
    return make("div", {"class": "macro-diagram"}, _said(parameters, DIAGRAM_NAMES) or name, [body] if text_of(body) else [])


def _formula(_: str, parameters: Parameters, body: Element) -> Element:
    source = text_of(body) or _said(parameters, ("body", "equation", "formula", "latex", "math"))
    return make("code", None, source or next(iter(parameters.values()), ""))


def _frame(name: str, parameters: Parameters, _: Element) -> Element:
    url = _said(parameters, URLS)
    return make("a", {"class": "frame", "href": url}, url) if url else _unknown(name, parameters)


def _column(_: str, parameters: Parameters, body: Element) -> Element:
    width = parameters.get("width", "")
    return _classed(body, "cell", {"style": f"width:{width}"} if width.endswith("%") else {})


def _section(_: str, __: Parameters, body: Element) -> Element:
    return _classed(body, "columnLayout", {})


def _classed(body: Element, css_class: str, attributes: Mapping[str, str]) -> Element:
    return pour(body, make("div", {"class": css_class, **attributes}))


def _listed(*_: object) -> Element:
    return make("div", {"class": "macro-list"})


MAKERS: Final[Mapping[str, Maker]] = {
    **dict.fromkeys(INFORMATION, _information),
    **dict.fromkeys(("code", "noformat"), _code),
    **dict.fromkeys(("toc", "toc-zone"), _toc),
    **dict.fromkeys(("jira", "jiraissues"), _jira),
    **dict.fromkeys(FILES, _file),
    **dict.fromkeys(DIAGRAMS, _diagram),
    **dict.fromkeys(FORMULAS, _formula),
    **dict.fromkeys(FRAMES, _frame),
    **dict.fromkeys(LISTS, _listed),
    "panel": _panel,
    "expand": _expand,
    "status": _status,
    "column": _column,
    "section": _section,
}
