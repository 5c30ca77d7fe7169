"""Words: our own words in a mail, by locale."""

from datetime import datetime
from typing import Final

import msgspec

from dispatcher.contracts.mail import Locale


class Words(msgspec.Struct, frozen=True):
    """What the shell and the boxes say; `shared` has placeholders of a header in it, and is filled as one."""

    language: str
    shared: str
    open_it: str
    via: str
    wrote: str
    page: str
    picture: str
    file: str
    contents: str
    only_there: str
    list_there: str
    read_the_rest: str
    day: str
    months: tuple[str, ...]

    def date(self, moment: datetime) -> str:
        """A day in full words, as `24 November 2026`."""
        return f"{moment.day}{self.day} {self.months[moment.month - 1]} {moment.year}"


EN: Final = Words(
    language="en",
    shared="Shared by {user_name} from {site_name}",
    open_it="Open in Confluence",
    via="via Confluence",
    wrote="wrote:",
    page="Page:",
    picture="Picture",
    file="File",
    contents="Contents",
    only_there="This part can only be seen in Confluence",
    list_there="Show list in Confluence",
    read_the_rest="Read the rest in Confluence",
    day="",
    months=tuple("January February March April May June July August September October November December".split()),
)
DE: Final = Words(
    language="de",
    shared="Geteilt von {user_name} aus {site_name}",
    open_it="In Confluence öffnen",
    via="über Confluence",
    wrote="schrieb:",
    page="Seite:",
    picture="Bild",
    file="Datei",
    contents="Inhalt",
    only_there="Dieser Teil ist nur in Confluence zu sehen",
    list_there="Liste in Confluence zeigen",
    read_the_rest="Den Rest in Confluence lesen",
    day=".",
    months=tuple("Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()),
)
WORDS: Final = {Locale.EN: EN, Locale.DE: DE}
