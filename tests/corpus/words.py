"""Words: what a reader could read on a page, and how much of it a mail says."""

import re
from collections import Counter
from typing import Final

from lxml import html
from lxml.cssselect import CSSSelector

WORD: Final = re.compile(r"\w+")
UNSEEN: Final = CSSSelector(
    "head, script, style, noscript, template, form, select, textarea, button, svg, iframe, .hidden, .aui-icon, .aui-icon-wait, .userLogo, "
    ".drawio-macro-data, .plugin_attachments_dropzone, .plugin_attachments_upload, .plugin-attachments-upload-container, "
    ".issue-placeholder, .search-macro, .refresh-issues-bottom, .jira-issues-refresh, .gliffy-webpanel-footer"
)  # what no reader sees, or a mail cannot hold and drops on purpose
NO_WORD: Final = frozenset("ℹ")  # signs that Unicode calls letters; the text part writes (i)


def seen_text(page: str) -> str:
    """The text of HTML as a browser would show it, blocks apart."""
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True)
    root = html.document_fromstring(f"<div>{page}</div>".encode(), parser=parser)
    for element in UNSEEN(root):
        if element.getparent() is not None:
            element.drop_tree()
    return " ".join(root.itertext())


def lost(page: str, mail: str) -> tuple[Counter[str], int]:
    """The words of the one text that the other lacks, and how many there are; a word counts also where it stands glued to another."""
    wanted = Counter(word for word in WORD.findall(page.lower()) if word not in NO_WORD)
    glued = "".join(mail.lower().split())
    missing = wanted - Counter(WORD.findall(mail.lower()))
    return Counter({word: count for word, count in missing.items() if glued.count(word) < wanted[word]}), wanted.total()


def share_kept(page: str, mail: str) -> float:
    missing, all_words = lost(page, mail)
    return 1 - missing.total() / all_words if all_words else 1.0
