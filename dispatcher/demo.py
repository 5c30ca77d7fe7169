"""Demo: the sample page goes the whole way on this machine, from the public API to a mail catcher's inbox."""

import json
import subprocess
import sys
import time
import urllib.error
import uuid
from base64 import b64decode
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from dispatcher.calls import ask
from dispatcher.children import be_child
from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.outcome import OPEN_STATES, Stage
from dispatcher.stack import Stack

SAMPLE: Final = Path(__file__).parents[1] / "examples" / "sample-page.json"
LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
FOLLOW_SECONDS: Final = 60
GRACE_SECONDS: Final = 10
PROGRESS: Final = {"queued": 0, "deferred": 0, "sending": 1}


class SampleMissing(Misconfigured):
    """The sample page is not there; the demo runs from a checkout of the project."""


class CatcherSilent(Misconfigured):
    """The mail catcher did not start; install the extra `demo`."""


@dataclass
class Demo:
    """One run of the demo."""

    once: bool
    as_json: bool
    workers: int
    began: float = field(default_factory=time.perf_counter)

    def run(self) -> int:
        """0 when the mail arrived intact."""
        if not SAMPLE.exists():
            raise SampleMissing
        stack = Stack(self.workers, LOOPBACK, allow_plaintext=False, free_ports=True)
        catcher = start_catcher()
        log = (stack.room / "log").open("w+b")
        stack.output = log
        try:
            self.say("starting Redis, API, workers and the mail catcher")
            stack.start()
            return self.show(stack, read_ready(catcher), log)
        except KeyboardInterrupt:
            return 130
        finally:
            stack.stop(GRACE_SECONDS)
            catcher.terminate()
            catcher.wait()
            log.close()

    def show(self, stack: Stack, catcher: dict[str, Any], log: IO[bytes]) -> int:
        """Submits, follows, looks into the inbox, and tells."""
        submission = sample(catcher)
        ready = time.perf_counter()
        self.say("submitting the sample page through the public API")
        receipt = call(f"{stack.api}/v1/jobs", stack.api_key, submission)
        status = self.follow(stack, receipt["id"])
        sent = time.perf_counter()
        mail = arrived(catcher["http"], receipt["message_id"])
        intact = mail is not None and status["state"] == "sent" and is_intact(mail, submission)
        report = {
            "ok": intact,
            "job": status,
            "mail": describe(mail),
            "inbox": catcher["http"],
            "seconds": {
                "from_command_to_sent": round(sent - self.began, 3),
                "from_submit_to_sent": round(sent - ready, 3),
                "stages": stages(log),
            },
        }
        self.tell(report)
        if not self.once:
            self.say("Ctrl-C stops everything.")
            wait_for_interrupt(stack)
        return 0 if intact else 1

    def follow(self, stack: Stack, job_id: str) -> dict[str, Any]:
        """Asks until the job has ended, and shows how far it is."""
        until = time.monotonic() + FOLLOW_SECONDS
        console, columns = Console(stderr=True), (TextColumn("  {task.description:<9}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            bar = progress.add_task("queued", total=len(PROGRESS))
            while True:
                status = call(f"{stack.api}/v1/jobs/{job_id}", stack.api_key)
                ended = status["state"] not in OPEN_STATES
                progress.update(bar, description=status["state"], completed=len(PROGRESS) if ended else PROGRESS[status["state"]])
                if ended or time.monotonic() > until:
                    return status
                time.sleep(0.02)

    def tell(self, report: dict[str, Any]) -> None:
        """One JSON object, or what a person wants to know."""
        if self.as_json:
            click.echo(json.dumps(report))
            return
        seconds = report["seconds"]
        if not report["ok"]:
            click.echo(f"the mail did not arrive intact: {json.dumps(report['job'])}")
            return
        mail, took = report["mail"], seconds["from_command_to_sent"]
        click.echo(f"  {mail['subject']!r} arrived intact, {mail['bytes']:,} bytes, {took} s after the command")
        click.echo("  " + "  ".join(f"{name} {1000 * lasted:.1f} ms" for name, lasted in seconds["stages"].items()))
        if not self.once:
            click.echo(f"\nLook at it: {report['inbox']}")

    def say(self, words: str) -> None:
        """Progress, for people."""
        click.echo(words, err=True)


def start_catcher(*options: str) -> "subprocess.Popen[bytes]":
    """The catcher's process; its first line says where it listens."""
    command = [sys.executable, "-m", "catcher", *options]
    return subprocess.Popen(  # noqa: S603 -- our own module
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=be_child,  # noqa: PLW1509 -- the parent has one thread
    )


def read_ready(catcher: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """The catcher's addresses; raises CatcherSilent."""
    line = catcher.stdout.readline() if catcher.stdout else b""
    if not line:
        raise CatcherSilent
    facts: dict[str, Any] = json.loads(line)
    return facts


def sample(catcher: dict[str, Any]) -> dict[str, Any]:
    """The sample page, to be mailed through the catcher by STARTTLS and password."""
    submission: dict[str, Any] = json.loads(SAMPLE.read_bytes())
    submission["account"] = {
        "host": "localhost",
        "port": catcher["starttls_port"],
        "tls": "starttls",
        "auth": {"kind": "password", "user": catcher["user"], "password": catcher["password"]},
        "ca_pem": catcher["ca_pem"],
    }
    return submission


def call(url: str, api_key: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One call of the public API, as any integration would make it."""
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json", "Idempotency-Key": f"demo-{uuid.uuid4()}"}
    try:
        document: dict[str, Any] = ask(url, headers, body)
    except urllib.error.HTTPError as error:
        raise click.ClickException(error.read().decode()) from None
    return document


def arrived(inbox: str, message_id: str) -> dict[str, Any] | None:
    """The mail with this Message-ID, whole."""
    for mail in ask(f"{inbox}/api/mails"):
        if mail["message_id"] == message_id:
            whole: dict[str, Any] = ask(f"{inbox}/api/mails/{mail['number']}")
            return whole
    return None


def is_intact(mail: dict[str, Any], submission: dict[str, Any]) -> bool:
    """Whether subject, recipients, both texts and every image are what was submitted."""
    subject = f"{submission['layout']['subject_prefix']} {submission['subject']}".strip()
    recipients = {mailbox["address"] for field in ("to", "cc", "bcc") for mailbox in submission.get(field, [])}
    images = sorted(len(b64decode(part["content"])) for part in submission["parts"] if part["role"] == "image")
    return (
        mail["subject"] == subject
        and set(mail["envelope_to"]) == recipients
        and submission["page"]["title"] in mail["html"]
        and submission["page"]["title"] in mail["text"]
        and sorted(part["bytes"] for part in mail["parts"] if part["content_id"]) == images
    )


def describe(mail: dict[str, Any] | None) -> dict[str, Any] | None:
    """The mail's subject and sizes, and how it came."""
    if mail is None:
        return None
    facts = {name: mail[name] for name in ("subject", "bytes", "tls", "user")}
    return facts | {"html_bytes": len(mail["html"].encode()), "text_bytes": len(mail["text"].encode()), "parts": mail["parts"]}


def stages(log: IO[bytes]) -> dict[str, float]:
    """Seconds of each stage, as API and worker logged them."""
    took: dict[str, float] = defaultdict(float)
    log.seek(0)
    for line in log:
        entry = json.loads(line) if line.startswith(b"{") else {}
        if "stage" in entry:
            took[entry["stage"]] = max(took[entry["stage"]], entry.get("seconds", 0.0))
    return {name: took[name] for name in Stage if name in took}


def wait_for_interrupt(stack: Stack) -> None:
    """Until Ctrl-C; whatever dies meanwhile is started again."""
    while True:
        time.sleep(0.2)
        stack.revive()
