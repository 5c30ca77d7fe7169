"""Constructs page: in step with its fixtures."""

from tests.house.constructs_page import PAGE, PICTURES, written
from tests.workers.render.test_construct_fixtures import NAMES


def test_the_page_of_constructs_is_what_their_fixtures_say() -> None:
    assert PAGE.read_text("utf-8") == written()


def test_every_construct_has_its_picture() -> None:
    assert sorted(file.stem for file in PICTURES.iterdir()) == NAMES
