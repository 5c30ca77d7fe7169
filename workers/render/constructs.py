"""Constructs: what Confluence can put on a page, one rule each, in the order in which the rules must run."""

from collections.abc import Callable
from typing import Final

from workers.render import boxes, chrome, images, links, marks, tables
from workers.render.draft import Draft

RULES: Final[tuple[Callable[[Draft], None], ...]] = (
    chrome.noise,
    marks.text_colours,
    chrome.contents,
    marks.emoji,
    chrome.jira,
    images.attachments,
    images.images,
    marks.lozenges,
    marks.mentions,
    marks.dates,
    chrome.unrendered,
    boxes.tasks,
    boxes.expands,
    boxes.information,
    boxes.code,
    boxes.panels,
    boxes.columns,
    boxes.quotes,
    tables.tables,
    chrome.headings,
    links.cards,
    links.links,
    chrome.tidy,
)


def apply_constructs(draft: Draft) -> None:
    """Turn Confluence's markup into the few elements that mail clients agree on."""
    for rule in RULES:
        rule(draft)
