"""Mail folder: posts every page of a folder as a job to a running Beampost and a mail catcher, and tells what became of each.

    python3 run.py up --ready-file ready.json --allow-network 127.0.0.0/8
    .venv/bin/python -m catcher --ready-file catcher.json
    python3 examples/mail_folder.py FOLDER --ready-file ready.json --catcher catcher.json

`.html` is taken as export_view, `.xml` as storage format. Seconds run from the post until the end was seen.
Exit status 1 if any page is not `sent`.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FORMATS: Final = {".html": "export_view", ".xml": "storage"}
OPEN: Final = frozenset({"queued", "sending", "deferred"})
FOLLOW_SECONDS: Final = 120


@dataclass
class Posted:
    """One page on its way; `state` is the problem's type where the API did not take it."""

    name: str
    job_id: str = ""
    message_id: str = ""
    state: str = "queued"
    began: float = 0.0
    seconds: float = 0.0
    html_bytes: int | None = None


def main() -> int:
    """0 when every page was sent."""
    arguments = _arguments()
    ready, catcher = (json.loads(path.read_bytes()) for path in (arguments.ready_file, arguments.catcher))
    pages = sorted(path for path in arguments.folder.iterdir() if path.suffix in FORMATS)[: arguments.limit]
    posted = [post(page, ready, catcher) for page in pages]
    follow(posted, ready)
    weigh(posted, catcher)
    tell(posted)
    return 0 if posted and all(one.state == "sent" for one in posted) else 1


def post(path: Path, ready: dict[str, Any], catcher: dict[str, Any]) -> Posted:
    """The page as a job."""
    one = Posted(path.name, began=time.monotonic())
    try:
        receipt = call(f"{ready['api']}/v1/jobs", ready["api_key"], submission(path, catcher))
    except urllib.error.HTTPError as error:
        problem = json.loads(error.read())
        codes = " ".join(f"{item['pointer']} {item['code']}" for item in problem.get("errors", []))
        one.state = f"{problem['type'].rpartition('/')[2]} {codes}".strip()
        return one
    one.job_id, one.message_id = receipt["id"], receipt["message_id"]
    return one


def submission(path: Path, catcher: dict[str, Any]) -> dict[str, Any]:
    """The fields that every submission needs, and nothing else."""
    return {
        "from": {"name": "Folder Example", "address": "folder@example.com"},
        "to": [{"name": "Reader", "address": "reader@example.org"}],
        "subject": path.name,
        "page": {
            "title": path.stem,
            "body": path.read_text("utf-8", "replace"),
            "format": FORMATS[path.suffix],
            "url": f"https://acme.atlassian.net/wiki/spaces/DOC/pages/1/{path.stem}",
            "space": "Documentation",
        },
        "site": {"url": "https://acme.atlassian.net/wiki", "name": "Acme Wiki"},
        "account": {
            "host": "localhost",
            "port": catcher["starttls_port"],
            "tls": "starttls",
            "auth": {"kind": "password", "user": catcher["user"], "password": catcher["password"]},
            "ca_pem": catcher["ca_pem"],
        },
    }


def follow(posted: list[Posted], ready: dict[str, Any]) -> None:
    """Asks in turn until all have ended, or until patience has."""
    until = time.monotonic() + FOLLOW_SECONDS
    while any(one.state in OPEN for one in posted) and time.monotonic() < until:
        for one in posted:
            if one.state in OPEN:
                one.state = call(f"{ready['api']}/v1/jobs/{one.job_id}", ready["api_key"])["state"]
                one.seconds = time.monotonic() - one.began
        time.sleep(0.02)


def weigh(posted: list[Posted], catcher: dict[str, Any]) -> None:
    """The size of the HTML that arrived."""
    numbers = {mail["message_id"]: mail["number"] for mail in call(f"{catcher['http']}/api/mails")}
    for one in posted:
        if one.message_id in numbers:
            mail = call(f"{catcher['http']}/api/mails/{numbers[one.message_id]}")
            one.html_bytes = len((mail["html"] or "").encode())


def tell(posted: list[Posted]) -> None:
    """One line a page, and a sum."""
    width = max((len(one.name) for one in posted), default=0)
    print(f"{'page':<{width}}  {'state':<10} {'seconds':>7} {'html bytes':>10}")
    for one in posted:
        print(f"{one.name:<{width}}  {one.state:<10} {one.seconds:>7.2f} {'-' if one.html_bytes is None else one.html_bytes:>10}")
    print(f"{sum(one.state == 'sent' for one in posted)} of {len(posted)} sent")


def call(url: str, api_key: str = "", body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 -- JSON
    """One HTTP call that answers in JSON."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"folder-{uuid.uuid4()}"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:  # noqa: S310 -- from the ready files
        return json.loads(answer.read())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Mails every page of a folder to the mail catcher.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ready-file", type=Path, required=True, help="what `beampost up --ready-file` wrote")
    parser.add_argument("--catcher", type=Path, required=True, help="what `python -m catcher --ready-file` wrote")
    parser.add_argument("--limit", type=int, help="only the first so many pages")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
