"""Page: the stage `render`, a Confluence page in, the HTML and the text of a mail out. No file, no network."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from lxml import etree

from dispatcher.contracts.errors import PageUnrenderable
from dispatcher.contracts.job import Submission
from dispatcher.contracts.mail import Page, PageFormat
from dispatcher.contracts.outcome import Remark
from workers.render.album import Album
from workers.render.constructs import apply_constructs
from workers.render.draft import Draft
from workers.render.letter import letter_of
from workers.render.limits import RenderLimits, Watch
from workers.render.normalise import check_limits, normalise, without_controls
from workers.render.rendering import Rendering, Warning  # noqa: A004 -- the word of the API
from workers.render.sanitise import clean_styles, colours, sanitise
from workers.render.shell import TEMPLATES, header_text, wrap_in_shell
from workers.render.storage import view_of
from workers.render.stylesheet import Inliner, compile_custom
from workers.render.text import TextWriter
from workers.render.tree import Element, classes, make, parse, serialise
from workers.render.words import WORDS

KEPT_FOR_SMALL_SCREENS: Final = "bp-column"
NOTHING: Final[Mapping[str, bytes]] = {}


class Renderer:
    """Makes mails of pages; one per process, and it keeps nothing of a page."""

    def __init__(self, limits: RenderLimits | None = None) -> None:
        self._limits = limits or RenderLimits()
        self._inliner = Inliner((TEMPLATES / "sheet.css").read_text("utf-8"))

    def render(self, submission: Submission, *, written_at: datetime, fetched: Mapping[str, bytes] = NOTHING) -> Rendering:
        """The mail of a submission; `fetched` are foreign pictures by URL. Raises PageUnrenderable, PageTooSlow: never for its content."""
        draft = self.draft_of(submission, fetched)
        apply_constructs(draft)
        _add_title(draft.page, submission.page.title)
        words, header = draft.words, header_text(submission, draft.words, written_at)
        body = TextWriter(submission.page.url).write(draft.page)
        custom = compile_custom(submission.layout.custom_css)
        draft.warnings[Remark.CSS_RULE_DROPPED] += custom.dropped
        self._inliner.inline(draft.page, custom)
        _drop_classes(draft.page)
        page_text = body.partition("\n\n")[2] or body
        html = wrap_in_shell(submission, words, draft.album, serialise(draft.page), page_text=page_text, header=header)
        draft.warnings[Remark.TRUNCATED] += len(html.encode()) > self._limits.html_bytes
        return Rendering(html, letter_of(submission, words, header, body), draft.album.shown, _counted(draft.warnings))

    def draft_of(self, submission: Submission, fetched: Mapping[str, bytes] = NOTHING) -> Draft:
        """The tree of the sanitised page, with all that its rules may use."""
        watch, limits = Watch(self._limits.seconds), self._limits
        page = self._html_of(submission.page)
        check_limits(page, limits)
        found = colours(page)
        root = parse(without_controls(sanitise(normalise(page))))
        _check_tree(root, limits)
        clean_styles(root)
        watch.look()
        album, words = Album(submission.parts, limits, fetched), WORDS[submission.layout.locale]
        url = without_controls(submission.page.url)
        return Draft(root, _site_url(submission), url, submission.layout, words, album, watch, colours=found)

    def _html_of(self, page: Page) -> str:
        text = without_controls(page.body)
        if page.format is not PageFormat.STORAGE:
            return text
        check_limits(text, self._limits)
        return without_controls(view_of(text))


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
    parts = urlsplit(submission.site.url)
    return without_controls(submission.site.url if parts.scheme and parts.netloc else submission.page.url.partition("/wiki/")[0])


def _add_title(page: Element, title: str) -> None:
    heading = make("h1", None, without_controls(title).strip())
    if heading.text:
        heading.tail, page.text = page.text, None
        page.insert(0, heading)


def _drop_classes(page: Element) -> None:
    for element in page.iter():
        names = classes(element)
        if KEPT_FOR_SMALL_SCREENS in names:
            element.set("class", KEPT_FOR_SMALL_SCREENS)
        elif names:
            del element.attrib["class"]


def _counted(warnings: Counter[Remark]) -> tuple[Warning, ...]:
    return tuple(Warning(code, count) for code, count in sorted(warnings.items()) if count)
