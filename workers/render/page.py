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
from workers.render.clip import compact, cut, octets
from workers.render.constructs import apply_constructs
from workers.render.draft import Draft
from workers.render.head import COMPACT, HEAD, SHEET, dark_css, keep_classes, mirrored, named_classes
from workers.render.letter import letter_of
from workers.render.limits import RenderLimits, Watch
from workers.render.normalise import check_limits, normalise, without_controls
from workers.render.rendering import Rendering, Warning  # noqa: A004 -- the word of the API
from workers.render.sanitise import clean_styles, colours, sanitise
from workers.render.shell import Shell, direction_of, header_text
from workers.render.storage import view_of
from workers.render.stylesheet import Inliner, compile_custom
from workers.render.text import TextWriter
from workers.render.tree import Element, make, parse, serialise
from workers.render.words import WORDS

NOTHING: Final[Mapping[str, bytes]] = {}
DIRECTION_CHARACTERS: Final = 1000


class Renderer:
    """Makes mails of pages; one per process, and it keeps nothing of a page."""

    def __init__(self, limits: RenderLimits | None = None) -> None:
        self._limits = limits or RenderLimits()
        self._inliners = {"ltr": Inliner(SHEET), "rtl": Inliner(mirrored(SHEET))}

    def render(self, submission: Submission, *, written_at: datetime, fetched: Mapping[str, bytes] = NOTHING) -> Rendering:
        """The mail of a submission; `fetched` are foreign pictures by URL. Raises PageUnrenderable, PageTooSlow: never for its content."""
        draft = self.draft_of(submission, fetched)
        apply_constructs(draft)
        add_title(draft.page, submission.page.title)
        header = header_text(submission, draft.words, written_at)
        body = TextWriter(draft.page_url).write(draft.page)
        draft.watch.look()
        self._inline(draft, submission.layout.custom_css)
        shell = Shell(submission, draft, page_text=body.partition("\n\n")[2] or body, header=header, head_css=self._head_css(draft))
        html = self._fitted(draft, shell)
        text = letter_of(submission, draft.words, header, body)
        return Rendering(html, text, draft.album.shown, _counted(draft.warnings))

    def draft_of(self, submission: Submission, fetched: Mapping[str, bytes] = NOTHING) -> Draft:
        """The tree of the sanitised page, with all that its rules may use."""
        watch, limits = Watch(self._limits.seconds), self._limits
        page = self._html_of(submission.page)
        check_limits(page, limits)
        light, dark = colours(page)
        root = parse(without_controls(sanitise(normalise(page))))
        _check_tree(root, limits)
        clean_styles(root)
        watch.look()
        return Draft(
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

    def _inline(self, draft: Draft, css: str) -> None:
        custom = compile_custom(css)
        draft.warnings[Remark.CSS_RULE_DROPPED] += custom.dropped
        self._inliners[draft.direction].inline(draft.page, custom)

    def _head_css(self, draft: Draft) -> str:
        return HEAD + (dark_css(draft.dark_colours) if draft.layout.dark_theme else "")

    def _fitted(self, draft: Draft, shell: Shell) -> str:
        """The whole HTML, no larger than the limit: as it is, in compact form, or cut."""
        page, limit, dark = draft.page, self._limits.html_bytes, draft.layout.dark_theme
        named = named_classes(page)
        keep_classes(page, all_of_ours=dark)
        whole = shell.around(serialise(page))
        if len(whole.encode()) <= limit:
            return whole
        for element, name in named:
            element.set("class", name)
        compact(page, self._inliners[draft.direction].cosmetics)
        keep_classes(page, all_of_ours=True)
        draft.watch.look()
        around = len(shell.around("", further_css=COMPACT, truncated=True).encode())
        truncated = around + octets(page) > limit
        if truncated:
            draft.warnings[Remark.TRUNCATED] += 1
            cut(page, limit - around)
            draft.watch.look()
        return shell.around(serialise(page), further_css=COMPACT, truncated=truncated)

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


def _beginning(root: Element) -> str:
    """Enough of the text to tell its direction."""
    found = ""
    for piece in root.itertext():
        found += str(piece)
        if len(found) > DIRECTION_CHARACTERS:
            break
    return found


def add_title(page: Element, title: str) -> None:
    """The page's title is the first heading of the mail."""
    heading = make("h1", None, without_controls(title).strip())
    if heading.text:
        heading.tail, page.text = page.text, None
        page.insert(0, heading)


def _counted(warnings: Counter[Remark]) -> tuple[Warning, ...]:
    return tuple(Warning(code, count) for code, count in sorted(warnings.items()) if count)
