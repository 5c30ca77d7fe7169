"""Links: every href of a mail is absolute, and of a scheme that a reader can follow."""

from typing import Final

from dispatcher.contracts.mail import Toc
from workers.render.draft import Draft
from workers.render.selector import Selector
from workers.render.tree import Element, classes, is_blank, make, pour, replace, text_of, unwrap
from workers.render.urls import split

FOLLOWED_ELSEWHERE: Final = frozenset({"mailto", "tel"})
OUTSIDE_WIKI: Final = ("/browse/", "/jira/", "/issues/", "/secure/", "/projects/", "/people/", "/servicedesk/")
CARD_LABEL_CHARACTERS: Final = 60
LINKS: Final = Selector("a")
CARDS: Final = Selector("a[data-card-appearance]")


def absolute(href: str, site_url: str, page_url: str) -> str | None:
    """The link as a mail needs it; None when there is nothing safe to follow. A site path such as /wiki is prefixed once."""
    href = "".join(href.split())
    if not href or "\\" in href or href.startswith("//"):
        return None
    if href.startswith("#"):
        return page_url.partition("#")[0] + href
    parts = split(href)
    if parts.scheme:
        return href if parts.is_web or parts.scheme in FOLLOWED_ELSEWHERE else None
    site = split(site_url)
    origin, home = f"{site.scheme}://{site.place}", site.path.rstrip("/")
    if href.startswith((f"{home}/", *OUTSIDE_WIKI)) and home:
        return origin + href
    return f"{origin}{home}/{href.lstrip('/')}"


def safe_web_url(url: str) -> str | None:
    """The URL when it is http or https with a host."""
    return url if split(url).is_web else None


def page_link(draft: Draft, label: str) -> Element:
    """A link to the page itself: the stand-in for what a mail cannot hold."""
    return make("a", {"class": "bp-link", "href": draft.page_url}, label)


def cards(draft: Draft) -> None:
    """Smart links: a bare URL is shortened to host and last step; block and embed cards get a box."""
    for link in draft.find(CARDS):
        href, label = link.get("href", ""), text_of(link)
        if label and label == href:
            shown = _short(href)
            for child in list(link):
                link.remove(child)
            link.text = shown
        if link.get("data-card-appearance") in {"block", "embed"} and text_of(link):
            cell = make("td")
            table = make(
                "table", {"role": "presentation", "class": "bp-box bp-card", "cellpadding": "10"}, None, [make("tr", None, None, [cell])]
            )
            parent = link.getparent()
            alone = parent is not None and parent.tag == "p" and len(parent) == 1 and text_of(parent) == text_of(link)
            replace(parent if alone and parent is not None else link, table)
            cell.append(link)


def _short(url: str) -> str:
    parts = split(url)
    last = parts.path.rstrip("/").rpartition("/")[2].replace("+", " ")
    label = f"{parts.place}: {last}" if last else parts.place
    return label if len(label) <= CARD_LABEL_CHARACTERS else label[: CARD_LABEL_CHARACTERS - 1] + "…"


def links(draft: Draft) -> None:
    """Make every link absolute; a link to nowhere becomes its text; anchors of the page stay only with `toc: keep`."""
    keep_anchors = draft.layout.toc is Toc.KEEP
    for link in draft.find(LINKS):
        href = link.get("href")
        if keep_anchors and href and href.startswith("#") and len(href) > 1:
            continue
        if href is None and link.get("name") and keep_anchors:
            continue
        target = absolute(href, draft.site_url, draft.page_url) if href else None
        if target is None or is_blank(link) or "createlink" in classes(link):
            unwrap(link)
            continue
        replace(link, pour(link, make("a", {"class": link.get("class", ""), "href": target})))
