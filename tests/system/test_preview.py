"""Preview: by the API and by the command line, what would be mailed is what is mailed, but for ids and dates."""

import json
import re
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import pytest

from catcher.process import Running
from tests.system.client import Answer, Client
from tests.system.submissions import account, changed
from tests.system.test_delivery import parsed, send

ROOT: Final = Path(__file__).parents[2]
SAMPLE: Final = json.loads((ROOT / "examples" / "sample-page.json").read_text())
CONTENT_ID: Final = re.compile(r"[0-9a-f]{32}@beampost")


def beampost(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dispatcher", "preview", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def alternatives(mail: EmailMessage) -> tuple[str, str]:
    """HTML and text as they are mailed, but for content ids."""
    html, text = (mail.get_body((kind,)) for kind in ("html", "plain"))
    assert html is not None
    assert text is not None
    return CONTENT_ID.sub("ID", html.get_content()), text.get_content()


def rendered(client: Client, document: dict[str, Any]) -> Answer:
    return client.ask("POST", "/v1/render", json.dumps(document).encode(), Content_Type="application/json")


@pytest.fixture(scope="module")
def document(catcher: Running) -> dict[str, Any]:
    return SAMPLE | {"account": account(catcher)}


@pytest.fixture(scope="module")
def mailed(client: Client, catcher: Running, document: dict[str, Any]) -> tuple[str, str]:
    return alternatives(parsed(catcher, send(client, catcher, document)))


def test_the_api_tells_what_would_be_mailed_to_the_byte(client: Client, document: dict[str, Any], mailed: tuple[str, str]) -> None:
    preview = rendered(client, document).json
    assert (CONTENT_ID.sub("ID", preview["html"]), preview["text"]) == mailed
    assert (preview["ok"], preview["failure"], preview["subject"]) == (True, None, "[Wiki] Release notes: Checkout 4.2")
    assert [(part["name"], part["type"]) for part in preview["parts"]] == [("checkout-4.2.png", "image/png")]
    assert preview["sizes"] == {
        "html": len(preview["html"].encode()),
        "text": len(preview["text"].encode()),
        "parts": preview["parts"][0]["bytes"],
        "gmail_clips_at": 102_400,
    }


def test_nothing_is_mailed_for_a_preview(client: Client, catcher: Running, document: dict[str, Any]) -> None:
    before = len(catcher.mails())
    rendered(client, document)
    assert len(catcher.mails()) == before


def test_warnings_are_told_by_code_and_number(client: Client, document: dict[str, Any]) -> None:
    page = "<p><img src='/wiki/a.png'><img src='/wiki/b.png'></p><div class='drawio-macro'></div>"
    preview = rendered(client, changed(document, ("/page/body", page), ("/parts", []))).json
    assert preview["warnings"] == [{"code": "image_missing", "count": 2}, {"code": "macro_unrendered", "count": 1}]


def test_the_status_of_a_job_has_the_same_warnings(client: Client, document: dict[str, Any]) -> None:
    page = "<p><img src='/wiki/a.png'><img src='/wiki/b.png'></p>"
    _, status = client.deliver(changed(document, ("/page/body", page), ("/parts", [])))
    assert (status["state"], status["warnings"]) == ("sent", [{"code": "image_missing", "count": 2}])


def test_a_page_that_cannot_be_mailed_is_told_why(client: Client, document: dict[str, Any]) -> None:
    preview = rendered(client, changed(document, ("/page/body", "<div>" * 600))).json
    assert (preview["ok"], preview["failure"]["class"], preview["failure"]["permanent"], preview["html"]) == (
        False,
        "render_failed",
        True,
        "",
    )


def test_what_is_no_submission_is_refused_as_a_job_would_be(client: Client, document: dict[str, Any]) -> None:
    answer = rendered(client, changed(document, ("/to/0/address", "nobody")))
    assert (answer.status, answer.json["errors"]) == (422, [{"pointer": "/to/0/address", "code": "address_invalid"}])


def test_who_may_not_submit_may_not_look(client: Client, document: dict[str, Any]) -> None:
    assert rendered(Client(client.base, None), document).status == 401


def test_the_command_writes_what_would_be_mailed(tmp_path: Path, document: dict[str, Any], mailed: tuple[str, str]) -> None:
    (tmp_path / "page.json").write_text(json.dumps(document))
    ended = beampost(tmp_path / "page.json", "--out", tmp_path / "out")
    html, text = (tmp_path / "out" / "mail.html").read_text(), (tmp_path / "out" / "mail.txt").read_text()
    assert (ended.returncode, html.replace("image-1.png", "cid:ID"), text) == (0, *mailed)
    assert (tmp_path / "out" / "image-1.png").read_bytes().startswith(b"\x89PNG")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["ok"], report["warnings"], report["bytes"]) == (True, [], (tmp_path / "out" / "mail.eml").stat().st_size)


def test_the_command_takes_a_page_a_layout_and_a_folder_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "Notes.xml").write_text('<p>Hello</p><ac:image><ri:attachment ri:filename="a.png" /></ac:image>')
    (tmp_path / "layout.json").write_text('{"button_label": "Open it", "locale": "de"}')
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes((ROOT / "docs" / "looks" / "german-390-light.png").read_bytes())
    ended = beampost(
        *(tmp_path / "Notes.xml", "--out", tmp_path, "--layout", tmp_path / "layout.json", "--images", tmp_path / "pictures"),
    )
    html = (tmp_path / "mail.html").read_text()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [word for word in ("Open it</a>", "<h1", "Notes</h1>", 'src="image-1.png"', 'lang="de"') if word not in html] == []


@pytest.mark.parametrize(
    ("name", "content", "status", "said"),
    [
        ("page.json", "{}", 66, "beampost preview: Object missing required field `from`\n"),
        ("page.html", "<div>" * 600, 65, "beampost preview: render_failed\n"),
    ],
)
def test_the_command_says_why_there_is_no_mail(tmp_path: Path, name: str, content: str, status: int, said: str) -> None:
    (tmp_path / name).write_text(content)
    ended = beampost(tmp_path / name, "--out", tmp_path / "out")
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "", said)
