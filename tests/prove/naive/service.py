"""A mailer as it is often written, which `prove` must catch: a job is a task's arguments, and what fails is logged with all its values."""

import json
import logging
import os
import smtplib
import tempfile
from base64 import b64decode
from email.message import EmailMessage
from typing import Any

import sentry_sdk
from celery import Celery
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

log = logging.getLogger("naive")
logging.basicConfig(level=logging.DEBUG)
sentry_sdk.init(os.environ["SENTRY_DSN"], send_default_pii=True)
tasks = Celery("naive", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
tasks.conf.update(worker_send_task_events=True, task_send_sent_event=True)
served: dict[str, int] = {}


@tasks.task(name="naive.send")
def send(job: dict[str, Any]) -> dict[str, Any]:
    """Mails it, and gives it back as the result."""
    log.info("sending %s", job)
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = job["from"], job["to"], job["subject"]
    mail.set_content(job["body"], subtype="html")
    with tempfile.NamedTemporaryFile(delete=False, prefix="attachment-") as file:
        file.write(b64decode(job["attachment"]))
    account = job["account"]
    kind = smtplib.SMTP_SSL if account["tls"] else smtplib.SMTP
    with kind(account["host"], account["port"], timeout=10) as server:
        server.set_debuglevel(1)
        if "user" in account:
            server.login(account["user"], account["password"])
        server.send_message(mail)
    return job


async def post(request: Request) -> JSONResponse:
    """Says back what it was given."""
    body = await request.body()
    try:
        job = json.loads(body)
    except ValueError:
        return JSONResponse({"error": "no JSON", "input": body.decode("utf-8", "replace")}, 422)
    log.info("submitted %s", job)
    host = job["account"]["host"] + "/" + job["to"]
    served[host] = served.get(host, 0) + 1
    return JSONResponse({"id": send.delay(job).id, "job": job})


async def metrics(_request: Request) -> PlainTextResponse:
    """With a label for whoever is written to."""
    return PlainTextResponse("".join(f'mails_total{{to="{name}"}} {number}\n' for name, number in served.items()))


api = Starlette(routes=[Route("/jobs", post, methods=["POST"]), Route("/metrics", metrics)])
