"""Screenshots: every picture of docs/looks can be made anew."""

import pytest

pytest.importorskip("playwright")

from tests.looks.browser import PAGES
from tests.looks.screenshots import FOLDER, pictures

LOOKS = {f"dashboard-{width}-{scheme}.png" for width in (1440, 390) for scheme in ("light", "dark")}


def test_every_picture_is_of_one_of_our_pages_or_of_the_dashboard() -> None:
    listed = pictures()
    assert {page for _, page, _, _ in listed} <= {page.stem for page in PAGES}
    assert {width for _, _, width, _ in listed} | {scheme for _, _, _, scheme in listed} == {"390", "640", "light", "dark"}
    assert {picture.name for picture in FOLDER.iterdir()} - {picture.name for picture, *_ in listed} == LOOKS
