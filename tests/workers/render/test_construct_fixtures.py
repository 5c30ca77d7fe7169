"""Construct fixtures: for each construct of Confluence what a page holds, and what its mail says in HTML and text."""

import io
import re
from pathlib import Path
from typing import Final

import pytest
from PIL import Image, ImageDraw

from dispatcher.contracts.mail import PageFormat, Part, PartRole
from tests.workers.render.conftest import RENDERER, WRITTEN_AT, submission_of

FOLDER: Final = Path(__file__).parent / "constructs"
NAMES: Final = sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())
SOURCES: Final = {"page.html": PageFormat.EXPORT_VIEW, "storage.xml": PageFormat.STORAGE}
CASES: Final = [(name, source) for name in NAMES for source in SOURCES if (FOLDER / name / source).exists()]
PAGE: Final = re.compile(r"<h1[^>]*>Notes</h1>(.*?)</div>\n</td></tr>", re.DOTALL)
CONTENT_ID: Final = re.compile(r"cid:[0-9a-f]{32}@beampost")


def plan() -> Part:
    """The one picture that is delivered: a house."""
    image = Image.new("RGB", (600, 300), "#deebff")
    draw = ImageDraw.Draw(image)
    draw.polygon([(180, 140), (300, 50), (420, 140)], fill="#0747a6")
    draw.rectangle((210, 140, 390, 260), fill="#ffffff", outline="#0747a6", width=4)
    written = io.BytesIO()
    image.save(written, "PNG")
    return Part(id="att98765", name="plan.png", type="image/png", role=PartRole.IMAGE, content=written.getvalue())


def mailed(name: str, source: str) -> tuple[str, str]:
    """What a mail says of the page, below its title, in HTML and text; content ids are all alike."""
    posted = submission_of((FOLDER / name / source).read_text("utf-8"), (plan(),), SOURCES[source], header_text="")
    rendering = RENDERER.render(posted, written_at=WRITTEN_AT)
    page = PAGE.search(rendering.html)
    assert page is not None
    text = rendering.text.partition("\n\n")[2].rpartition("\n\n-- \n")[0]
    return CONTENT_ID.sub("cid:ID", page[1]).strip() + "\n", text + "\n"


def expected(name: str, source: str) -> tuple[Path, Path]:
    stem = "mail" if source == "page.html" else "storage.mail"
    return FOLDER / name / f"{stem}.html", FOLDER / name / f"{stem}.txt"


@pytest.mark.parametrize(("name", "source"), CASES)
def test_a_construct_is_mailed_as_its_fixture_says(name: str, source: str) -> None:
    html, text = expected(name, source)
    assert mailed(name, source) == (html.read_text("utf-8"), text.read_text("utf-8"))


def test_every_construct_has_its_fixture() -> None:
    assert [int(name.partition("-")[0]) for name in NAMES] == list(range(1, 34))


if __name__ == "__main__":  # writes what is now; look at the difference before it is committed
    for case in CASES:
        for file, content in zip(expected(*case), mailed(*case), strict=True):
            file.write_text(content, "utf-8")
