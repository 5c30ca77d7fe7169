"""Marks: the constructs inside a line: colours, lozenges, mentions, dates, emoji."""

import re
import sys
from datetime import datetime
from typing import Final

from workers.render.draft import Draft
from workers.render.head import COLOUR_CLASS
from workers.render.normalise import without_controls
from workers.render.sanitise import HEX_COLOUR
from workers.render.selector import Selector
from workers.render.tree import Element, classes, drop, make, replace, text_of, unwrap_all
from workers.render.words import Words

COLOURED: Final = Selector("[data-colorid]")
LEGACY: Final = Selector('[class*="legacy-color-text-"]')
FONT: Final = Selector("font")
LOZENGES: Final = Selector(".status-macro, .aui-lozenge")
MENTIONS: Final = Selector("a.user-mention, a.confluence-userlink")
DATES: Final = Selector("time")
EMOJI: Final = Selector("img.emoticon, img.emoji, img[data-emoji-id]")

LOZENGE_COLOURS: Final = {
    "success": "green", "error": "red", "moved": "yellow", "current": "blue", "progress": "blue", "inprogress": "blue",
    "complete": "purple", "new": "purple", "removed": "red",
}  # fmt: skip
LEGACY_COLOURS: Final = {
    "blue1": "#4c9aff", "blue2": "#0747a6", "blue3": "#0747a6", "teal1": "#00b8d9", "teal2": "#008da6",
    "teal3": "#008da6", "green1": "#36b37e", "green2": "#006644", "green3": "#006644", "red1": "#ff5630",
    "red2": "#bf2600", "red3": "#bf2600", "purple1": "#6554c0", "purple2": "#403294", "purple3": "#403294",
    "yellow1": "#ffc400", "yellow2": "#ff991f", "yellow3": "#974f0c", "gray1": "#97a0af", "gray2": "#505f79",
    "inverse": "#505f79",
}  # fmt: skip
NAMED_EMOJI: Final = {
    "check_mark": "✅", "tick": "✅", "cross_mark": "❌", "cross": "❌", "info": "ℹ️", "information": "ℹ️",
    "warning": "⚠️", "plus": "➕", "minus": "➖", "question_mark": "❓", "question": "❓", "light_bulb_on": "💡",
    "light-on": "💡", "light_bulb_off": "💡", "light-off": "💡", "yellow_star": "⭐", "yellow-star": "⭐", "red_star": "⭐",
    "red-star": "⭐", "green_star": "⭐", "green-star": "⭐", "blue_star": "⭐", "smile": "🙂", "sad": "🙁", "cheeky": "😛",
    "laugh": "😃", "wink": "😉", "thumbs-up": "👍", "thumbs-down": "👎", "heart": "❤️", "broken-heart": "💔",
}  # fmt: skip
EMOJI_WIDTH: Final = 20
OLD: Final = Selector("strike, tt, big")
TODAY: Final = {"strike": "s", "tt": "code", "big": "span"}
NBSP: Final = "\u00a0"
SHORT_NAME: Final = re.compile(r":([\w+-]+):")
ESCAPED_UNIT: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
SURROGATES: Final = range(0xD800, 0xE000)
CODE_POINTS: Final = re.compile(r"[0-9a-f]{2,6}(?:-[0-9a-f]{2,6})*")


def text_colours(draft: Draft) -> None:
    """Cloud's text colour is an id with a rule in a style block; ours is on the element."""
    for element in draft.find(COLOURED):
        light = draft.colours.get(element.get("data-colorid", ""))
        _colour(element, light)
        if light in draft.dark_colours:
            element.set("class", f"{element.get('class', '')} {COLOUR_CLASS}{light[1:]}")
    for element in draft.find(LEGACY):
        names = (name.removeprefix("legacy-color-text-") for name in classes(element) if name.startswith("legacy-color-text-"))
        _colour(element, LEGACY_COLOURS.get(next(names, "")))
    for element in draft.find(FONT):
        value = element.get("color", "")
        _colour(element, value if re.fullmatch(HEX_COLOUR, value) else None)
        element.tag = "span"


def _colour(element: Element, value: str | None) -> None:
    if value:
        element.set("style", ";".join(filter(None, (element.get("style"), f"color:{value}"))))


def lozenges(draft: Draft) -> None:
    """Statuses: upper case for real, and non-breaking blanks, since padding is dead in Outlook."""
    for lozenge in draft.find(LOZENGES):
        label, names = text_of(lozenge), classes(lozenge)
        if not label or "issue-placeholder" in names:
            drop(lozenge)
            continue
        kinds = (LOZENGE_COLOURS.get(name.removeprefix("aui-lozenge-")) for name in names)
        colour = next(filter(None, kinds), "grey")
        replace(lozenge, make("span", {"class": f"bp-lozenge bp-{colour}"}, f" {label.upper()} ".replace(" ", NBSP)))


def mentions(draft: Draft) -> None:
    """People: a name without the profile link, whose account id stays out of the mail."""
    for mention in draft.find(MENTIONS):
        name = text_of(mention)
        if not name:
            drop(mention)
            continue
        replace(mention, make("span", {"class": "bp-pill"}, name if name.startswith("@") else f"@{name}"))


def dates(draft: Draft) -> None:
    """Dates: the text that Confluence shows; storage has none, and is written out in the words of the mail."""
    for date in draft.find(DATES):
        label = text_of(date) or _written(date.get("datetime", ""), draft.words)
        if label:
            replace(date, make("span", {"class": "bp-pill"}, label))
        else:
            drop(date)


def _written(moment: str, words: Words) -> str:
    try:
        return words.date(datetime.fromisoformat(moment))
    except ValueError:
        return moment


def old_elements(draft: Draft) -> None:
    """What HTML has given up is what mail clients know instead of it."""
    for element in draft.find(OLD):
        element.tag = TODAY[str(element.tag)]


def emoji(draft: Draft) -> None:
    """Emoji pictures: the character they stand for; a custom one that was not delivered becomes its short name."""
    characters = []
    for image in draft.find(EMOJI):
        found = draft.album.find(image.get("data-emoji-id"))
        source = draft.album.show(found, EMOJI_WIDTH) if found else None
        if source:
            size = {"width": str(EMOJI_WIDTH), "height": str(EMOJI_WIDTH)}
            replace(image, make("img", size | {"class": "bp-emoji", "src": source, "alt": image.get("alt", "")}))
            continue
        image.text = without_controls(character_of(image))
        characters.append(image)
    unwrap_all(draft.page, characters)


def character_of(image: Element) -> str:
    """The character of an emoji picture: its fallback, its code points, its name; at last its alternative text."""
    fallback = _unescaped(image.get("data-emoji-fallback", ""))
    if fallback and not SHORT_NAME.fullmatch(fallback):
        return fallback
    identity = image.get("data-emoji-id", "")
    if CODE_POINTS.fullmatch(identity):
        points = [int(point, 16) for point in identity.split("-")]
        return "".join(chr(point) for point in points if point <= sys.maxunicode and point not in SURROGATES)
    names = [identity.removeprefix("atlassian-"), *SHORT_NAME.findall(image.get("data-emoji-shortname", ""))]
    names += [name.removeprefix("emoticon-") for name in classes(image)]
    return next((NAMED_EMOJI[name] for name in names if name in NAMED_EMOJI), image.get("alt") or fallback)


def _unescaped(text: str) -> str:
    r"""The literal characters `\uD83D\uDCCB` as the one they mean."""
    if "\\u" not in text:
        return text
    units = ESCAPED_UNIT.sub(lambda unit: chr(int(unit[1], 16)), text)
    return units.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
