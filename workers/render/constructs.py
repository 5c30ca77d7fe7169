"""Constructs: what Confluence can put on a page, one rule each, in the order in which the rules must run."""

from collections.abc import Callable
from typing import Final

import msgspec

from workers.render import boxes, chrome, contents, images, jira, links, macros, marks, tables
from workers.render.draft import Draft


class Construct(msgspec.Struct, frozen=True):
    """A rule, and the numbers of the constructs that it renders as docs/constructs.md counts them."""

    numbers: tuple[int, ...]
    rule: Callable[[Draft], None]


CONSTRUCTS: Final = (
    Construct((25,), macros.attachment_lists),
    Construct((25,), chrome.noise),
    Construct((22,), jira.jira_icons),
    Construct((28,), macros.frames),
    Construct((30,), macros.included),
    Construct((3, 4), marks.text_colours),
    Construct((4,), marks.old_elements),
    Construct((19,), contents.contents),
    Construct((16,), marks.emoji),
    Construct((22,), jira.jira),
    Construct((24,), macros.diagrams),
    Construct((18,), images.attachments),
    Construct((17,), images.images),
    Construct((13,), marks.lozenges),
    Construct((14,), marks.mentions),
    Construct((15,), marks.dates),
    Construct((24,), macros.lists),
    Construct((24, 31), macros.unrendered),
    Construct((12,), boxes.tasks),
    Construct((12,), boxes.decisions),
    Construct((11,), boxes.expands),
    Construct((8,), boxes.information),
    Construct((10,), boxes.code),
    Construct((9,), boxes.panels),
    Construct((21,), boxes.columns),
    Construct((33,), boxes.quotes),
    Construct((5, 6, 7, 30), tables.tables),
    Construct((20,), contents.headings),
    Construct((23,), links.cards),
    Construct((27,), links.links),
    Construct((26, 32), chrome.tidy),
)


def apply_constructs(draft: Draft) -> None:
    """Turn Confluence's markup into the few elements that mail clients agree on."""
    for construct in CONSTRUCTS:
        construct.rule(draft)
        draft.watch.look()
