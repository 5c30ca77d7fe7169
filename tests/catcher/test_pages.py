"""The inbox's pages show every mail and run none of it."""

import smtplib
from email import policy
from email.message import EmailMessage

import pytest

from catcher.process import Running

IMAGE = b"\x89PNG picture"
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'"


def deliver(catcher: Running, source: bytes) -> int:
    """The mail's number."""
    with smtplib.SMTP(catcher.host, catcher.plain_port, timeout=5) as client:
        client.sendmail("ada@example.com", ["bob@example.org"], source)
    number: int = catcher.mails()[-1]["number"]
    return number


def compose(html: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Grüße & <b>more</b>"
    message.set_content("as text")
    message.add_alternative(html, subtype="html")
    body = message.get_body(["html"])
    assert body is not None
    body.add_related(IMAGE, "image", "png", cid="<a+b@c>", filename="chart.png", disposition="inline")
    message.add_attachment("<script>", subtype="html", filename='e"vil\u2028.html')
    return message


def test_the_newest_mail_stands_first(catcher: Running) -> None:
    deliver(catcher, b"Subject: older\r\n\r\n")
    deliver(catcher, b"Subject: newer\r\n\r\n")
    page = catcher.ask("/").body
    assert 0 < page.index(b">newer<") < page.index(b">older<")


def test_the_inbox_tells_the_fault_addresses(catcher: Running) -> None:
    page = catcher.ask("/").body.decode()
    names = ("refuse", "full", "defer", "defer-2", "reject-data", "slow", "drop-body", "drop-dot")
    assert [name for name in names if f"<code>{name}@</code>" not in page] == []


def test_a_page_says_that_a_mail_came_in_clear(catcher: Running) -> None:
    number = deliver(catcher, b"Subject: hello\r\n\r\n")
    assert b">Arrived in clear, not signed in</p>" in catcher.ask(f"/mail/{number}").body


def test_a_page_says_that_a_mail_came_over_tls_and_from_whom(catcher: Running) -> None:
    with smtplib.SMTP_SSL(catcher.host, catcher.implicit_port, timeout=5, context=catcher.trust()) as client:
        client.login("demo", "demo")
        client.sendmail("ada@example.com", ["bob@example.org"], b"Subject: hello\r\n\r\n")
    (mail,) = catcher.mails()
    assert b">Arrived over TLS 1.3, signed in as demo " in catcher.ask(f"/mail/{mail['number']}").body


def test_an_image_inside_the_mail_becomes_a_link_to_its_part(catcher: Running) -> None:
    number = deliver(catcher, compose("""<img src="cid:a%2Bb@c"><img src='CID:a+b@c'><img src="cid:other">""").as_bytes(policy=policy.SMTP))
    html = f"""<img src="/mail/{number}/part/2"><img src='/mail/{number}/part/2'><img src="cid:other">\n"""
    assert catcher.ask(f"/mail/{number}/html").body.decode() == html
    part = catcher.ask(f"/mail/{number}/part/2")
    assert (part.body, part.headers["content-type"]) == (IMAGE, "image/png")


def test_a_hostile_mail_runs_nothing(catcher: Running) -> None:
    number = deliver(catcher, compose("<script>alert(1)</script>").as_bytes(policy=policy.SMTP))
    page, html = catcher.ask(f"/mail/{number}"), catcher.ask(f"/mail/{number}/html")
    assert f'<iframe sandbox src="/mail/{number}/html" ' in page.body.decode()
    assert "<script" not in page.body.decode()
    assert page.headers["content-security-policy"] == f"{NOTHING}; style-src 'self'; img-src 'self'; frame-src 'self'"
    assert html.headers["content-security-policy"] == f"{NOTHING}; img-src 'self' data:; style-src 'unsafe-inline'; sandbox"
    assert html.headers["x-content-type-options"] == "nosniff"


def test_a_subject_is_text_and_no_markup(catcher: Running) -> None:
    number = deliver(catcher, compose("").as_bytes(policy=policy.SMTP))
    for path in ("/", f"/mail/{number}"):
        page = catcher.ask(path).body.decode()
        assert "Grüße &amp; &lt;b&gt;more&lt;/b&gt;" in page
        assert "<b>more" not in page


def test_an_attached_page_is_only_ever_a_download(catcher: Running) -> None:
    number = deliver(catcher, compose("").as_bytes(policy=policy.SMTP))
    part = catcher.ask(f"/mail/{number}/part/3")
    assert part.headers["content-type"] == "application/octet-stream"
    assert part.headers["content-disposition"] == "attachment; filename*=UTF-8''e%22vil%E2%80%A8.html"


def test_the_json_tells_bodies_headers_and_parts(catcher: Running) -> None:
    number = deliver(catcher, compose("<p>hello</p>").as_bytes(policy=policy.SMTP))
    mail = catcher.mail(number)
    assert (mail["html"], mail["text"], mail["headers"][0]) == ("<p>hello</p>\n", "as text\n", ["Subject", "Grüße & <b>more</b>"])
    chart = {"content_id": "a+b@c", "type": "image/png", "filename": "chart.png", "bytes": len(IMAGE), "disposition": "inline"}
    assert mail["parts"][2] == chart


@pytest.mark.parametrize(
    "source",
    [
        b"\r\n",
        bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n",
        b"Content-Type: text/html; charset=no-such\r\nSubject: =?utf-7?q?+2AA-?=\r\n\r\n\xff\xfe<p>\r\n",
        b"From: \xff <@[\r\nDate: never\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!\r\n",
    ],
)
def test_garbage_is_shown_and_not_stumbled_over(catcher: Running, source: bytes) -> None:
    number = deliver(catcher, source)
    views = [f"/mail/{number}?view={view}" for view in ("html", "text", "headers", "source")]
    paths = ["/", *views, f"/mail/{number}/html", f"/mail/{number}/part/0", f"/api/mails/{number}"]
    assert [catcher.ask(path).status for path in paths] == [200] * len(paths)
    assert catcher.source(number) == source


def test_what_is_not_there_is_not_found(catcher: Running) -> None:
    number = deliver(catcher, b"Subject: hello\r\n\r\n")
    paths = ("/mail/999999", "/api/mails/999999", f"/mail/{number}/part/1", f"/mail/{number}?view=other")
    assert [catcher.ask(path).status for path in paths] == [404] * 4


def test_the_inbox_can_be_emptied(catcher: Running) -> None:
    deliver(catcher, b"Subject: hello\r\n\r\n")
    assert catcher.ask("/api/mails", "DELETE").status == 204
    assert catcher.mails() == []
