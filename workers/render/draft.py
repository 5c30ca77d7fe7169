"""Draft: a mail in the making: its tree, what the rules may use, and what they found."""

from collections import Counter
from dataclasses import dataclass, field

from dispatcher.contracts.mail import Layout
from dispatcher.contracts.outcome import Remark
from workers.render.album import Album
from workers.render.limits import Watch
from workers.render.selector import Selector, traits_of
from workers.render.tree import Element
from workers.render.words import Words


@dataclass(slots=True)
class Draft:
    """The one mutable value of rendering: the rules edit `page` and count in `warnings`.

    `colours` are those of the page's text by their id, `dark_colours` their dark twins by the light value; `direction` is ltr or rtl.
    """

    page: Element
    site_url: str
    page_url: str
    layout: Layout
    words: Words
    album: Album
    watch: Watch
    direction: str
    colours: dict[str, str] = field(default_factory=dict)
    dark_colours: dict[str, str] = field(default_factory=dict)
    warnings: Counter[Remark] = field(default_factory=Counter)
    traits: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.traits = traits_of(self.page)

    def find(self, selector: Selector) -> list[Element]:
        """The elements of the page that the selector is about, which is never one of our own classes or attributes."""
        return selector(self.page, self.traits)
