"""Page: the stage `render`, a Confluence page in, the HTML and the text of a mail out. No file, no network."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from dispatcher.contracts.job import Submission
from dispatcher.contracts.outcome import Remark
from workers.render.clip import compact, cut, octets
from workers.render.constructs import apply_constructs
from workers.render.custom_css import CustomCss, clean
from workers.render.dark import dark_colours
from workers.render.draft import Draft
from workers.render.head import COMPACT, HEAD, SHEET, dark_css, keep_classes, mirrored, named_classes
from workers.render.images import external_sources, link_attachments
from workers.render.leftovers import clear_leftovers
from workers.render.letter import bounded, letter_of
from workers.render.limits import RenderLimits
from workers.render.premailer_inliner import PremailerInliner
from workers.render.readable import readable
from workers.render.reading import add_title, draft_of
from workers.render.rendering import Rendering, Warning  # noqa: A004 -- the word of the API
from workers.render.shelf import Shelf
from workers.render.shell import Shell, header_text
from workers.render.stylesheet import Inliner
from workers.render.text import TextWriter
from workers.render.tree import serialise

NOTHING: Final[Mapping[str, bytes]] = {}


class Renderer:
    """Makes mails of pages; one per process, and it keeps nothing of a page."""

    def __init__(self, limits: RenderLimits | None = None, inliner: type[Inliner[Any]] = PremailerInliner) -> None:
        self.limits = limits or RenderLimits()
        self._inliners = {"ltr": inliner(SHEET), "rtl": inliner(mirrored(SHEET))}
        self._cleaned = Shelf(clean)

    def render(
        self, submission: Submission, *, written_at: datetime, fetched: Mapping[str, bytes] = NOTHING, left_out: tuple[str, ...] = ()
    ) -> Rendering:
        """The mail of a submission: `fetched` are foreign pictures by URL, `left_out` names of attachments that become links.

        Raises PageUnrenderable, PageTooSlow: for what a page costs, never for its content.
        """
        try:
            return self._render(submission, written_at, fetched, left_out)
        finally:
            clear_leftovers()

    def _render(self, submission: Submission, written_at: datetime, fetched: Mapping[str, bytes], left_out: tuple[str, ...]) -> Rendering:
        draft = draft_of(submission, fetched, self.limits)
        apply_constructs(draft)
        link_attachments(draft, left_out)
        readable(draft)
        dark_colours(draft)
        add_title(draft.page, submission.page.title)
        header = header_text(submission, draft.words, written_at)
        body = TextWriter(draft.page_url, draft.watch).write(draft.page)
        custom = self._inline(draft, submission.layout.custom_css)
        shell = Shell(submission, draft, page_text=body.partition("\n\n")[2] or body, header=header, head_css=head_css(draft, custom))
        html = self._fitted(draft, shell)
        text = self._letter(draft, submission, header, body)
        return Rendering(html, text, draft.album.shown, _counted(draft.warnings), left_out)

    def external_images(self, submission: Submission) -> tuple[str, ...]:
        """The https URLs of the page's foreign pictures, which `render` shows where they are `fetched`; raises as it does."""
        try:
            return external_sources(draft_of(submission, NOTHING, self.limits))
        finally:
            clear_leftovers()

    def _inline(self, draft: Draft, css: str) -> CustomCss:
        custom = self._cleaned(css) if css else CustomCss()
        draft.warnings[Remark.CSS_RULE_DROPPED] += custom.dropped
        self._inliners[draft.direction].inline(draft.page, custom.inline, draft.watch)
        return custom

    def _letter(self, draft: Draft, submission: Submission, header: str, body: str) -> str:
        """The text part, no larger than the limit."""
        around = letter_of(submission, draft.words, header, "")
        kept = bounded(body, self.limits.text_bytes - len(around.encode()), f"{draft.words.read_the_rest}: {draft.page_url}")
        if kept != body:
            draft.warnings[Remark.TRUNCATED] = 1
        return letter_of(submission, draft.words, header, kept)

    def _fitted(self, draft: Draft, shell: Shell) -> str:
        """The whole HTML, no larger than the limit: as it is, in compact form, or cut."""
        page, limit = draft.page, self.limits.html_bytes
        named = named_classes(page)
        keep_classes(page, all_of_ours=draft.layout.dark_theme)
        if octets(page) + len(shell.around("").encode()) <= limit:
            return shell.around(serialise(page))
        for element, name in named:
            element.set("class", name)
        compact(page, self._inliners[draft.direction].cosmetics)
        keep_classes(page, all_of_ours=True)
        draft.watch.look()
        around = len(shell.around("", further_css=COMPACT, truncated=True).encode())
        truncated = around + octets(page) > limit
        if truncated:
            draft.warnings[Remark.TRUNCATED] = 1
            cut(page, limit - around)
        return shell.around(serialise(page), further_css=COMPACT, truncated=truncated)


def head_css(draft: Draft, custom: CustomCss) -> str:
    """The style block: ours, the dark theme where it is asked for, and what of the customer's depends on the screen."""
    return HEAD + (dark_css(draft.dark_colours) if draft.layout.dark_theme else "") + custom.head


def _counted(warnings: Counter[Remark]) -> tuple[Warning, ...]:
    return tuple(Warning(code, count) for code, count in sorted(warnings.items()) if count)
