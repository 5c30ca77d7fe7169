"""Render: what a mail of each page of a folder costs, and where the time goes.

    .venv/bin/python bench/render.py FOLDER [rounds]

FOLDER holds pages as .html (export_view) and .xml (storage). Times are of the CPU, the best of all rounds; beside them stands what lxml
takes to parse and serialise the same pages within the same minute: compare with that, not with another run. Memory is of a process of
its own.
"""

import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from lxml import html

from dispatcher.contracts.job import Submission
from dispatcher.contracts.mail import Mailbox, Page, PageFormat, Site
from workers.render import page as page_module
from workers.render import reading
from workers.render.css_inline_inliner import CssInlineInliner
from workers.render.page import Renderer
from workers.render.premailer_inliner import PremailerInliner
from workers.render.stylesheet import Inliner

MOST_BYTES = 200_000
MEGABYTE_PAGE = (
    "<h2>Section</h2><p>Some words of a page, <strong>some</strong> of them bold.</p>"
    "<table class='confluenceTable'><tr><td>1</td></tr></table>"
)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOBODY = Mailbox(address="nobody@example.com", name="Jane Doe")
STEPS = {
    "normalise": ((reading, "without_controls"), (reading, "check_limits"), (reading, "with_formulas"), (reading, "normalise")),
    "storage": ((reading, "view_of"),),
    "sanitise": ((reading, "sanitise"), (reading, "removed"), (reading, "colours"), (reading, "clean_styles")),
    "parse": ((reading, "parse"), (reading, "_check_tree")),
    "constructs": ((page_module, "apply_constructs"), (page_module, "dark_colours")),
    "text": ((page_module.TextWriter, "write"), (page_module, "letter_of")),
    "inline": ((page_module.Renderer, "_inline"),),
    "shell and fit": ((page_module.Renderer, "_fitted"), (page_module, "Shell")),
}


def submission(body: str, *, storage: bool = False) -> Submission:
    kind = PageFormat.STORAGE if storage else PageFormat.EXPORT_VIEW
    page = Page(title="A page", body=body, url="https://acme.example/wiki/spaces/DEV/pages/42", format=kind)
    return Submission(
        author=NOBODY, to=(NOBODY,), subject="A page", page=page, site=Site(url="https://acme.example/wiki"), account="default"
    )


def cpu_ms(work: Callable[[], object], rounds: int) -> float:
    def once() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return 1000 * min(once() for _ in range(rounds))


def timed(spent: dict[str, float], step: str, place: ModuleType | type, name: str) -> None:
    """From now on that function's time is counted."""
    function: Callable[..., Any] = getattr(place, name)

    def counted(*args: Any, **options: Any) -> Any:  # noqa: ANN401 -- any function
        began = time.process_time()
        try:
            return function(*args, **options)
        finally:
            spent[step] += time.process_time() - began

    setattr(place, name, counted)


def table(name: str, times: list[float]) -> None:
    times = sorted(times)
    print(f"{name:22} median {statistics.median(times):7.2f} ms   p95 {times[int(len(times) * 0.95)]:7.2f} ms   sum {sum(times):8.0f} ms")


def memory() -> int:
    """How many kB a process grows by while it renders a page of a megabyte."""

    def resident(name: str) -> int:
        return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text("ascii").splitlines() if line.startswith(name))

    renderer = Renderer()
    renderer.render(submission("<p>small</p>"), written_at=NOW)
    before = resident("VmRSS")
    renderer.render(submission(MEGABYTE_PAGE * (1_000_000 // len(MEGABYTE_PAGE))), written_at=NOW)
    return resident("VmHWM") - before


def main(folder: str, rounds: int = 5) -> None:
    files = [file for file in sorted(Path(folder).iterdir()) if file.suffix in {".html", ".xml"} and file.stat().st_size <= MOST_BYTES]
    pages = [submission(file.read_text("utf-8", "replace"), storage=file.suffix == ".xml") for file in files]
    bodies = [page.page.body.encode() for page in pages]
    print(f"{len(pages)} pages up to {MOST_BYTES:,} bytes, best of {rounds}")
    table("lxml in and out", [cpu_ms(lambda body=body: html.tostring(html.document_fromstring(body)), rounds) for body in bodies])
    engines: tuple[type[Inliner[Any]], ...] = (PremailerInliner, CssInlineInliner)
    for engine in engines:
        renderer = Renderer(inliner=engine)
        table(engine.__name__, [cpu_ms(partial(renderer.render, page, written_at=NOW), rounds) for page in pages])
    spent: defaultdict[str, float] = defaultdict(float)
    for step, places in STEPS.items():
        for place, name in places:
            timed(spent, step, place, name)
    renderer = Renderer()
    spent.clear()
    whole = sum(cpu_ms(partial(renderer.render, page, written_at=NOW), 1) for page in pages)
    for step in STEPS:
        print(f"  {step:15} {100_000 * spent[step] / whole:5.1f} %")
    told = subprocess.run([sys.executable, __file__, "--memory"], capture_output=True, text=True, check=True)
    print(f"a page of 1 MB: {int(told.stdout) / 1024:.0f} MB over idle at its highest")


if __name__ == "__main__":
    if sys.argv[1:] == ["--memory"]:
        print(memory())
    elif sys.argv[1:]:
        main(sys.argv[1], *map(int, sys.argv[2:3]))
    else:
        sys.exit(__doc__)
