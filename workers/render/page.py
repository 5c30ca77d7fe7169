"""Page: the stage `render`, a Confluence page in, the HTML and the text of a mail out. Pure: no file, no network, no clock."""

from collections import Counter
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from lxml import etree

from dispatcher.contracts.errors import PageUnrenderable
from dispatcher.contracts.job import Submission
from dispatcher.contracts.mail import Page, PageFormat
from workers.render.album import Album
from workers.render.columns import fold
from workers.render.constructs import apply_constructs
from workers.render.draft import Draft
from workers.render.normalise import MAX_DEPTH, MAX_ELEMENTS, check_limits, normalise, without_controls
from workers.render.rendering import Rendering, Warning  # noqa: A004 -- the word of the API
from workers.render.sanitise import clean_styles, colours, sanitise
from workers.render.shell import TEMPLATES, header_text, user_name, wrap_in_shell
from workers.render.storage import view_of
from workers.render.stylesheet import Inliner, compile_custom
from workers.render.text import WIDTH, TextWriter
from workers.render.tree import Element, classes, make, parse, serialise
from workers.render.words import WORDS, Words

GMAIL_CLIP_OCTETS: Final = 100_000
INLINER: Final = Inliner((TEMPLATES / "sheet.css").read_text("utf-8"))
KEPT_FOR_SMALL_SCREENS: Final = "bp-column"


def render(submission: Submission, *, written_at: datetime) -> Rendering:
    """The mail of a submission; raises PageUnrenderable for a page beyond the limits, never for its content."""
    draft = draft_of(submission)
    apply_constructs(draft)
    _add_title(draft.page, submission.page.title)
    words, header = draft.words, header_text(submission, draft.words, written_at)
    body = TextWriter(submission.page.url).write(draft.page)
    custom = compile_custom(submission.layout.custom_css)
    draft.warnings["css_rule_dropped"] += custom.dropped
    INLINER.inline(draft.page, custom)
    _drop_classes(draft.page)
    page_text = body.partition("\n\n")[2] or body
    html = wrap_in_shell(submission, words, draft.album, serialise(draft.page), page_text=page_text, header=header)
    draft.warnings["html_over_gmail_clip"] += len(html.encode()) > GMAIL_CLIP_OCTETS
    return Rendering(html, _whole_text(submission, words, header, body), draft.album.shown, _counted(draft.warnings))


def draft_of(submission: Submission) -> Draft:
    """The tree of the sanitised page, with all that its rules may use."""
    page = _html_of(submission.page)
    check_limits(page)
    found = colours(page)
    root = parse(without_controls(sanitise(normalise(page))))
    _check_tree(root)
    clean_styles(root)
    album, words = Album(submission.parts), WORDS[submission.layout.locale]
    return Draft(root, _site_url(submission), without_controls(submission.page.url), submission.layout, words, album, colours=found)


def _html_of(page: Page) -> str:
    text = without_controls(page.body)
    if page.format is not PageFormat.STORAGE:
        return text
    check_limits(text)
    return without_controls(view_of(text))


def _check_tree(root: Element) -> None:
    """Parsers may add elements and levels that the text did not show."""
    elements = depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        elements += event == "start"
        if depth > 2 * MAX_DEPTH or elements > 2 * MAX_ELEMENTS:
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


def _whole_text(submission: Submission, words: Words, header: str, body: str) -> str:
    """Title and page as the walker wrote them; around them what the shell says in HTML."""
    title, _, rest = body.partition("\n\n")
    name = without_controls(user_name(submission))
    message = without_controls(submission.message).strip()
    quoted = "\n".join(f"> {line}".rstrip() for paragraph in message.splitlines() for line in fold(paragraph, WIDTH - 2) or [""])
    parts = [
        title,
        header,
        f"{name} {words.wrote}\n{quoted}" if message else "",
        rest,
        f"-- \n{name} {words.via}\n{without_controls(submission.page.url)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _counted(warnings: Counter[str]) -> tuple[Warning, ...]:
    return tuple(Warning(code, count) for code, count in sorted(warnings.items()) if count)
