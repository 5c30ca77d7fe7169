"""Jira: issues as key, summary and status in a line, the key a link to its issue."""

import re
from typing import Final

from workers.render.draft import Draft
from workers.render.selector import Selector
from workers.render.tree import Element, drop, make, text_of

ISSUES: Final = Selector(".jira-issue")
ICONS: Final = Selector(".jira-issue img, img.icon")
LOADING: Final = "Getting issue details..."
KEY: Final = re.compile(r"[A-Z][A-Z0-9_]{1,30}-\d{1,9}")


def jira_icons(draft: Draft) -> None:
    """The pictures of issue types need a login."""
    for icon in draft.find(ICONS):
        drop(icon)


def jira(draft: Draft) -> None:
    """What the placeholders left, without the wrapper and without a dash that nothing follows."""
    for issue in draft.find(ISSUES):
        key = issue.get("data-jira-key", "")
        issue.tag = "span"
        issue.attrib.clear()
        if not text_of(issue) and KEY.fullmatch(key):
            issue.text = key
        _drop_hint(issue)
        _link_key(issue)
        _drop_last_dash(issue)


def _drop_hint(issue: Element) -> None:
    """The summary of an issue that a browser was still waiting for."""
    for child in list(issue):
        if text_of(child) == LOADING:
            drop(child)


def _link_key(issue: Element) -> None:
    text = (issue.text or "").strip()
    key = KEY.match(text)
    if key is None or next(issue.iter("a"), None) is not None:
        return
    link = make("a", {"href": f"/browse/{key[0]}"}, key[0])
    link.tail, issue.text = text[key.end() :] or None, None
    issue.insert(0, link)


def _drop_last_dash(issue: Element) -> None:
    for child in reversed(issue):
        tail = (child.tail or "").rstrip()
        if tail.endswith("-"):
            child.tail = tail.removesuffix("-").rstrip() or None
        if tail or text_of(child):
            return
