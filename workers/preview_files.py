"""Preview files: `beampost preview`, a page from a file as the mail that it would become, in a folder; no service runs, nothing is sent.

Run: `python -m workers.preview_files`.
"""

import asyncio
import json
import mimetypes
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from pydantic import ValidationError

from dispatcher.contracts.documents import preview_document
from dispatcher.contracts.errors import JobError, Misconfigured
from dispatcher.contracts.job import Job, Submission
from dispatcher.contracts.mail import Layout, Mailbox, Page, PageFormat, Part, PartRole, Site
from dispatcher.contracts.settings import complaint, read
from dispatcher.contracts.worker_settings import WorkerSettings
from workers.compose import compose
from workers.preview import MESSAGE_ID, preview_of
from workers.render.inliners import inliner_named
from workers.render.limits import RenderLimits
from workers.render.page import Renderer
from workers.render.rendering import Rendering
from workers.studio import Studio

UNREADABLE, UNRENDERABLE = 66, 65  # EX_NOINPUT, EX_DATAERR of sysexits
PAGE_URL: Final = "https://example.atlassian.net/wiki/spaces/X/pages/1"
NOBODY: Final = Mailbox(address="nobody@example.invalid", name="Jane Doe")


@click.command("preview", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder; it is made where there is none.")
@click.option("--layout", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON, as `layout` of a submission.")
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A folder of the page's pictures, by name.")
@click.option("--title", help="The page's title; else the file's name.")
@click.option("--url", default=PAGE_URL, show_default=True, help="The page's URL; the site is what comes before its /spaces/.")
def preview(file: Path, out: Path, layout: Path | None, images: Path | None, title: str | None, url: str) -> None:
    """Write the mail that FILE would become: a page (.html, .xml), or a submission (.json)."""
    try:
        submission = submission_of(file, title or file.stem, url)
        wanted = msgspec.json.decode(layout.read_bytes(), type=Layout) if layout else submission.layout
        submission = msgspec.structs.replace(submission, layout=wanted, parts=(*submission.parts, *pictures(images)))
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
        click.echo(f"beampost preview: {reason(error)}", err=True)
        sys.exit(UNREADABLE)
    write(submission, out)


def submission_of(file: Path, title: str, url: str) -> Submission:
    """What the file holds: a submission, or a page, storage where it ends in .xml."""
    if file.suffix == ".json":
        return msgspec.json.decode(file.read_bytes(), type=Submission)
    kind = PageFormat.STORAGE if file.suffix == ".xml" else PageFormat.EXPORT_VIEW
    page = Page(title=title, body=file.read_text("utf-8"), url=url, format=kind)
    site = Site(url=url.partition("/spaces/")[0])
    return Submission(author=NOBODY, to=(NOBODY,), subject=title, page=page, site=site, account="default")


def reason(error: Exception) -> str:
    """Why a file cannot be taken; it is the operator's own, on her own screen."""
    return str(error).splitlines()[0]


def pictures(folder: Path | None) -> Iterable[Part]:
    """The files of a folder as image parts."""
    for file in sorted(folder.iterdir()) if folder else ():
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        yield Part(id=file.name, name=file.name, type=kind, role=PartRole.IMAGE, content=file.read_bytes())


def write(submission: Submission, out: Path) -> None:
    """The mail and its report; exits 65 where no mail can be made."""
    settings, now = read(WorkerSettings), datetime.now(UTC)
    studio = Studio(Renderer(RenderLimits.of(settings), inliner_named(settings.inliner)))
    job = Job(submission, MESSAGE_ID).within(settings.max_message_bytes)
    try:
        rendering = asyncio.run(studio.render(job.submission, now, job.left_out))
    except JobError as error:
        click.echo(f"beampost preview: {error.failure}", err=True)
        sys.exit(UNRENDERABLE)
    message = compose(job, rendering, now)
    document = preview_document(preview_of(job, rendering, message))
    out.mkdir(parents=True, exist_ok=True)
    (out / "mail.eml").write_bytes(message)
    (out / "mail.txt").write_text(rendering.text, "utf-8")
    (out / "mail.html").write_text(with_files(rendering, out), "utf-8")
    report = {name: value for name, value in document.items() if name not in {"html", "text"}}
    (out / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", "utf-8")
    say(document, out)


def with_files(rendering: Rendering, out: Path) -> str:
    """The HTML with its pictures beside it, so that a browser shows them."""
    html = rendering.html
    for number, image in enumerate(rendering.images, 1):
        file = out / f"image-{number}.{image.type.rpartition('/')[2]}"
        file.write_bytes(image.content)
        html = html.replace(f"cid:{image.content_id}", file.name)
    return html


def say(document: dict[str, Any], out: Path) -> None:
    """A few lines for a person."""
    sizes = document["sizes"]
    click.echo(out / "mail.html")
    click.echo(f"  HTML  {sizes['html']:>9,} bytes of {sizes['gmail_clips_at']:,} where Gmail clips")
    click.echo(f"  text  {sizes['text']:>9,} bytes")
    click.echo(f"  mail  {document['bytes']:>9,} bytes, {len(document['parts'])} parts")
    for warning in document["warnings"]:
        click.echo(f"  {warning['code']}: {warning['count']}")


if __name__ == "__main__":
    try:
        preview(prog_name="beampost preview")
    except (Misconfigured, ValidationError) as error:
        click.echo(f"beampost preview: {complaint(error)}", err=True)
        sys.exit(2)
