"""Letter: the text part as a whole: the page as the walker wrote it, and around it what the shell says in HTML."""

from dispatcher.contracts.job import Submission
from workers.render.columns import fold
from workers.render.normalise import without_controls
from workers.render.shell import user_name
from workers.render.text import WIDTH
from workers.render.words import Words


def letter_of(submission: Submission, words: Words, header: str, body: str) -> str:
    """Its first line is the page's title, its last line the page's URL."""
    title, _, rest = body.partition("\n\n")
    name = without_controls(user_name(submission))
    message = without_controls(submission.message).strip()
    quoted = "\n".join(f"> {line}".rstrip() for paragraph in message.splitlines() for line in fold(paragraph, WIDTH - 2) or [""])
    parts = [
        title,
        "\n".join(fold(header, WIDTH)),
        f"{name} {words.wrote}\n{quoted}" if message else "",
        rest,
        f"-- \n{name} {words.via}\n{without_controls(submission.page.url)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def bounded(body: str, room: int, rest: str) -> str:
    """As many whole lines as fit in so many octets, and below them where the rest is; the same text where all of it fits."""
    octets = body.encode()
    if len(octets) <= room:
        return body
    kept = octets[: max(room - len(rest.encode()) - 2, 0)].decode(errors="ignore")
    lines, _, _ = kept.rpartition("\n")
    return f"{lines.rstrip()}\n\n{rest}"
