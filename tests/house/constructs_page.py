"""Constructs page: writes docs/constructs.md from the fixtures of constructs, and takes a picture of each.

python tests/house/constructs_page.py --write       the page
python tests/house/constructs_page.py --pictures    the pictures, by Chromium
"""

import io
import shutil
import sys
from base64 import b64encode
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.workers.render.test_construct_fixtures import FOLDER, NAMES, plan  # noqa: E402 -- run as a script, too
from workers.render.head import HEAD  # noqa: E402

PAGE: Final = ROOT / "docs" / "constructs.md"
PICTURES: Final = ROOT / "docs" / "constructs"
LINES: Final = 12
HEADER: Final = """# Constructs

What a Confluence page can hold, and what a mail makes of it: as text, and in a browser. Each row is a fixture in
`tests/workers/render/constructs`, where the page's HTML (and storage) stands beside the mail that is expected of it. This page is
written from them by `python tests/house/constructs_page.py --write`, its pictures by `--pictures`.

| | construct | text part | HTML part |
|---|---|---|---|
"""
FRAME: Final = """<!DOCTYPE html><meta charset="utf-8"><style>{head}</style><body style="margin:0;background:#ffffff">
<div id="all" style="width:592px;padding:8px 12px 4px;font:15px/23px Arial,Helvetica,sans-serif;color:#172b4d">{page}</div>"""


def written() -> str:
    return HEADER + "".join(map(row, NAMES))


def row(name: str) -> str:
    number, _, construct = name.partition("-")
    lines = (FOLDER / name / "mail.txt").read_text("utf-8").strip("\n").split("\n")
    shown = [*lines[:LINES], *(["..."] if len(lines) > LINES else [])]
    text = "<br>".join(f"`{line}`" if line else "" for line in (line.replace("|", "\\|").replace("`", "'") for line in shown))
    return f"| {int(number)} | {construct.replace('-', ' ')} | {text} | ![{construct.replace('-', ' ')}](constructs/{name}.png) |\n"


def take_pictures() -> None:
    from PIL import Image  # noqa: PLC0415 -- only for these
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    picture = f"data:image/png;base64,{b64encode(plan().content).decode()}"
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 720, "height": 400})
        for name in NAMES:
            page = (FOLDER / name / "mail.html").read_text("utf-8").replace("cid:ID", picture)
            tab.set_content(FRAME.format(head=HEAD, page=page))
            taken = Image.open(io.BytesIO(tab.locator("#all").screenshot()))
            taken.convert("RGB").quantize(64).save(PICTURES / f"{name}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    if "--pictures" in sys.argv:
        take_pictures()
    if "--write" in sys.argv:
        PAGE.write_text(written(), "utf-8")
