"""Reading: a page in any of Confluence's formats becomes a tree that rules may edit; limits are asked before the steps that they bound."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from lxml import etree

from dispatcher.contracts.errors import PageUnrenderable
from dispatcher.contracts.job import Submission
from dispatcher.contracts.mail import Page, PageFormat
from dispatcher.contracts.outcome import Remark
from workers.apart import apart
from workers.render.album import Album
from workers.render.draft import Draft
from workers.render.formulas import with_formulas
from workers.render.limits import RenderLimits, Watch
from workers.render.normalise import check_limits, normalise, without_controls
from workers.render.sanitise import clean_styles, colours, removed, sanitise
from workers.render.shell import direction_of
from workers.render.storage import view_of
from workers.render.tree import Element, make, parse
from workers.render.urls import split
from workers.render.words import WORDS

DIRECTION_CHARACTERS: Final = 1000


def draft_of(submission: Submission, fetched: Mapping[str, bytes], limits: RenderLimits) -> Draft:
    """The sanitised page and all that its rules may use; raises PageUnrenderable, PageTooSlow."""
    watch = Watch(limits.seconds)
    page = _html_of(submission.page, limits)
    check_limits(page, limits)
    light, dark = colours(page)
    page = normalise(with_formulas(page))
    root = parse(without_controls(sanitise(page)))
    _check_tree(root, limits)
    clean_styles(root)
    watch.look()
    return Draft(
        warnings=Counter({Remark.CONTENT_REMOVED: removed(page)}),
        page=root,
        site_url=_site_url(submission),
        page_url=without_controls(submission.page.url),
        layout=submission.layout,
        words=WORDS[submission.layout.locale],
        album=Album(submission.parts, limits, fetched),
        watch=watch,
        direction=direction_of(f"{_beginning(root)} {submission.page.title}"),
        colours=light,
        dark_colours=dark if submission.layout.dark_theme else {},
    )


def add_title(page: Element, title: str) -> None:
    """The page's title is the first heading of the mail."""
    heading = make("h1", None, without_controls(title).strip())
    if heading.text:
        heading.tail, page.text = page.text, None
        page.insert(0, heading)


def _html_of(page: Page, limits: RenderLimits) -> str:
    text = without_controls(page.body)
    if page.format is not PageFormat.STORAGE:
        return text
    check_limits(text, limits)
    return without_controls(apart(view_of, text))  # lxml keeps a thread's names of elements, and these may be anybody's


def _check_tree(root: Element, limits: RenderLimits) -> None:
    """Parsers may add elements and levels that the text did not show."""
    elements = depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        elements += event == "start"
        if depth > 2 * limits.page_depth or elements > 2 * limits.page_elements:
            raise PageUnrenderable


def _site_url(submission: Submission) -> str:
    """Without a usable site URL, the page's own origin is the base."""
    site = submission.site.url
    return without_controls(site if split(site).is_web else submission.page.url.partition("/wiki/")[0])


def _beginning(root: Element) -> str:
    """Enough of the text to tell its direction."""
    found = ""
    for piece in root.itertext():
        found += str(piece)
        if len(found) > DIRECTION_CHARACTERS:
            break
    return found
