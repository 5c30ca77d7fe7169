"""Retention: a page that was rendered a thousand times has left nothing behind."""

import gc
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
RENDERS: Final = 1000
SPARE_KB: Final = 2048  # what an allocator may keep of it


def test_nothing_of_a_page_stays_after_a_thousand_renders() -> None:
    """In a process of its own, where no test's fixtures are found."""
    command = [sys.executable, "-m", "tests.workers.render.test_retention"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (told.stdout, told.stderr, told.returncode) == ("0 strings, 0 kB\n", "", 0)


def canary() -> str:
    """Made anew each time, so that this file's own constants do not hold it."""
    return "".join(reversed("1377lertseK"))


def render_often(times: int) -> None:
    from tests.workers.render.conftest import RENDERER, WRITTEN_AT, submission_of  # noqa: PLC0415 -- in the process that is looked at

    name = canary()
    body = (
        f"<style>[data-colorid={name}]{{color:#bf2600}}</style><h1 id='{name}'>{name}</h1><p style='font-family:{name}'>{name} "
        f"<a href='https://{name}.example/{name}?{name}#{name}'>{name}</a> <span data-colorid={name}>x</span></p><img src='/{name}.png'>"
        f"<table class='confluenceTable {name}'><tr><td style='width:{name}'>{name}</td></tr></table><div class='toc-macro'></div>"
    )
    css = f".{name} {{ color: #102030; font-family: {name} }} @media (max-width: 400px) {{ .{name} {{ color: red }} }}"
    said = {"header_text": f"{name} {{page_title}}", "button_label": name}
    for number in range(times):
        posted = submission_of(body, custom_css=f"{css} .n{number % 3} {{ color: red }}", **said)
        RENDERER.render(posted, written_at=WRITTEN_AT)
    for shelf in (RENDERER._cleaned, *(inliner._custom for inliner in RENDERER._inliners.values())):
        shelf._kept.clear()  # stylesheets are kept for half a minute, as test_shelf.py shows


def strings_with(word: str) -> int:
    """Strings and octets that anything reachable holds: keys and values of every container, fields of every object."""
    gc.collect()
    found: dict[int, object] = {}
    for container in gc.get_objects():
        found |= {
            id(thing): thing for thing in gc.get_referents(container) if isinstance(thing, str) and word in thing and thing is not word
        }
        found |= {id(thing): thing for thing in gc.get_referents(container) if isinstance(thing, bytes) and word.encode() in thing}
    return len(found)


def resident_kb() -> int:
    status = Path("/proc/self/status")
    lines = status.read_text("ascii").splitlines() if status.exists() else ["VmRSS: 0 kB"]
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    render_often(RENDERS)
    before = resident_kb()
    render_often(RENDERS)
    sys.stdout.write(f"{strings_with(canary())} strings, {max(0, resident_kb() - before - SPARE_KB)} kB\n")
