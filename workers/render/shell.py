"""Shell: the mail around the page: header text, personal message, button, footer."""

import unicodedata
from datetime import datetime
from typing import Final

import jinja2
from markupsafe import Markup

from dispatcher.contracts.job import Submission
from dispatcher.contracts.mail import Layout
from workers.render.album import Album
from workers.render.draft import Draft
from workers.render.head import TEMPLATES
from workers.render.links import safe_web_url
from workers.render.normalise import without_controls
from workers.render.words import Words

FONTS: Final = "Arial, Helvetica, sans-serif"
PREHEADER_CHARACTERS: Final = 110
UNSAID: Final = Layout()  # whose words are ours, in the language of the mail
FILLER: Final = "\u034f\u200c\u00a0" * 40  # so that the list of a mail box shows nothing behind the preheader
BUTTON_PADDING, BUTTON_CHARACTER = 48, 9  # px, for Outlook, whose buttons have a width
LOGO_WIDTH: Final = 200
RIGHT_TO_LEFT: Final = frozenset({"R", "AL"})
ISOLATE: Final = "\u2068"
END_OF_ISOLATE: Final = "\u2069"
STRONG: Final = RIGHT_TO_LEFT | {"L"}


def load_template() -> jinja2.Template:
    """The shell; it is read once, and no job ever adds to it."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, loader=jinja2.FileSystemLoader(TEMPLATES), auto_reload=False, trim_blocks=True
    )
    return environment.get_template("mail.html.j2")


SHELL: Final = load_template()


def user_name(submission: Submission) -> str:
    """The name of whoever pressed the button; the address where there is none."""
    return submission.acting_user.name or submission.acting_user.address


def header_text(submission: Submission, words: Words, written_at: datetime) -> str:
    """The layout's header with its placeholders filled in one pass: a title that looks like a placeholder stays as it is."""
    template = words.shared if submission.layout.header_text == UNSAID.header_text else submission.layout.header_text
    values = {
        "page_title": submission.page.title,
        "space_name": submission.page.space,
        "site_name": submission.site.name or submission.site.url,
        "user_name": user_name(submission),
        "date": words.date(written_at),
    }
    values = _isolated(values, template)
    filled, rest = [], template
    while "{" in rest:
        before, _, after = rest.partition("{")
        name, closed, remainder = after.partition("}")
        known = bool(closed) and name in values
        filled.append(before + (values[name] if known else "{"))
        rest = remainder if known else after
    return without_controls("".join([*filled, rest])).strip()


def direction_of(text: str) -> str:
    """The base direction by the first strong character (Unicode Standard Annex 9, rules P2 and P3)."""
    first = next((kind for kind in map(unicodedata.bidirectional, text) if kind in STRONG), "L")
    return "rtl" if first in RIGHT_TO_LEFT else "ltr"


def _isolated(values: dict[str, str], template: str) -> dict[str, str]:
    """Where directions meet, no value takes signs or numbers of its neighbours (Unicode Standard Annex 9, section 2.7)."""
    used = (value for name, value in values.items() if f"{{{name}}}" in template)
    if "rtl" not in map(direction_of, (template, *used)):
        return values
    return {name: f"{ISOLATE}{value}{END_OF_ISOLATE}" if value else "" for name, value in values.items()}


def preheader_of(text: str) -> str:
    """The beginning of the page for the list of a mail box, cut at a word."""
    folded = " ".join(text[: 4 * PREHEADER_CHARACTERS].split())
    if len(folded) <= PREHEADER_CHARACTERS:
        return folded
    return folded[:PREHEADER_CHARACTERS].rpartition(" ")[0] or folded[:PREHEADER_CHARACTERS]


def _logo(album: Album) -> dict[str, str | int] | None:
    if album.logo is None:
        return None
    picture = album.logo.picture
    width = min(picture.width, LOGO_WIDTH)
    source = album.show(album.logo, width)
    return {"source": source, "width": width, "height": max(1, round(picture.height * width / picture.width))} if source else None


class Shell:
    """Everything of a mail but its page; everything is escaped."""

    def __init__(self, submission: Submission, draft: Draft, *, page_text: str, header: str, head_css: str) -> None:
        right_to_left = draft.direction == "rtl"
        said = submission.layout.button_label
        label = draft.words.open_it if said == UNSAID.button_label else without_controls(said).strip()
        message = without_controls(submission.message).strip()
        self._head_css = head_css
        self._page_url = without_controls(submission.page.url)
        self._facts = {
            "words": draft.words,
            "direction": draft.direction,
            "start": "right" if right_to_left else "left",
            "fonts": FONTS,
            "schemes": "light dark" if submission.layout.dark_theme else "light",
            "title": without_controls(submission.page.title) or draft.words.page,
            "preheader": preheader_of(page_text),
            "filler": FILLER,
            "logo": _logo(draft.album),
            "header_text": header,
            "header_direction": direction_of(header),
            "message": message,
            "message_direction": direction_of(message),
            "user_name": without_controls(user_name(submission)),
            "site_name": without_controls(submission.site.name),
            "button_label": label if safe_web_url(submission.page.url) else "",
            "button_width": BUTTON_PADDING + BUTTON_CHARACTER * len(label),
            "page_url": self._page_url,
        }

    def around(self, page: str, *, further_css: str = "", truncated: bool = False) -> str:
        """The whole HTML of the mail; `page` is sanitised, and written by our own serialiser."""
        css = self._head_css + further_css
        return SHELL.render(self._facts, page=Markup(page), head_css=Markup(css), rest_url=self._page_url if truncated else "")  # noqa: S704
