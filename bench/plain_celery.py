"""Plain Celery: the same mails as a Celery project sends them as a rule, in two ways; for bench/losses.py, which starts it as a worker."""

import os
import smtplib
from email.message import EmailMessage

from celery import Celery

app = Celery("plain", broker=os.environ["PLAIN_BROKER"])
app.conf.broker_transport_options = {"visibility_timeout": int(os.environ["PLAIN_VISIBILITY_SECONDS"])}


def transmit(port: int, message_id: str, recipient: str) -> None:
    mail = EmailMessage()
    mail["Message-ID"], mail["From"], mail["To"], mail["Subject"] = message_id, "jane@example.com", recipient, "Release notes"
    mail.set_content("Hello")
    with smtplib.SMTP("127.0.0.1", port) as server:
        server.send_message(mail)


@app.task(name="defaults")
def defaults(port: int, message_id: str, recipient: str) -> None:
    """As Celery comes."""
    transmit(port, message_id, recipient)


@app.task(name="careful", acks_late=True, reject_on_worker_lost=True, autoretry_for=(OSError, smtplib.SMTPException), retry_backoff=True)
def careful(port: int, message_id: str, recipient: str) -> None:
    """As is recommended for tasks that must not be lost."""
    transmit(port, message_id, recipient)
