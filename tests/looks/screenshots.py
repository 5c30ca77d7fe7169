"""Screenshots: the pictures of docs/looks, made anew: `python -m tests.looks.screenshots`."""

from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.house.groups import found
from tests.looks.browser import PAGES, looks, mail_of

FOLDER: Final = Path(__file__).parents[2] / "docs" / "looks"


def pictures() -> list[tuple[Path, str, str, str]]:
    """Those of pages, each with the page, width and scheme in its name; the dashboard's are made by `tests.looks.dashboard`."""
    named = [(picture, *picture.stem.rsplit("-", 2)) for picture in sorted(FOLDER.glob("*.png"))]
    return [(picture, page, width, scheme) for picture, page, width, scheme in named if page != "dashboard"]


def main() -> None:
    """Each picture that is there, by the page, width and scheme in its name."""
    pages = {page.stem: page for page in PAGES}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found("chromium"), args=["--no-sandbox"])
        for picture, page, width, scheme in pictures():
            mail = mail_of(pages[page], dark_theme=scheme == "dark")
            looks(browser, mail, width=int(width), scheme=scheme, picture=picture)
            with Image.open(picture) as image:
                image.convert("RGB").quantize(method=Image.Quantize.MAXCOVERAGE).save(picture, optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
