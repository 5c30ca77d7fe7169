"""Scenes: what the service is put through: success, every kind of failure, a killed worker, rejected requests, errors of our own."""

import json
import os
import signal
import time
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from redis import Redis

from dispatcher.contracts.reader_key import new_pair, open_with
from dispatcher.contracts.wire import DEBUG_CONTEXT
from dispatcher.prove.caller import SECONDS, Caller
from dispatcher.prove.canaries import Canaries
from dispatcher.prove.rude import RudeServer
from dispatcher.prove.submissions import whole

Account = dict[str, Any]
FOREIGN: Final = "foreign task"
IN_HAND: Final = ("bp:sem:*", "bp:telling:*")
BELL: Final = "bp:bell.interactive"
SIMULATED: Final = {"host": "simulator", "port": 587, "tls": "starttls"}
FAULTS: Final = ("refuse", "full", "defer", "reject-data", "drop-body", "drop-dot")
SHORT_SECONDS: Final = 60
SHORT: Final = {"ttl_seconds": SHORT_SECONDS}
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
DASHBOARD: Final = (*(f"/admin/?window={window}" for window in ("1h", "24h", "7d")), "/admin/actions")


@dataclass
class Cast:
    """Who takes part: callers of both ports, the catcher's account, rude servers by their manner, whoever may kill a worker."""

    plant: Canaries
    caller: Caller
    debugger: Caller
    admin: Caller
    good: Account
    untrusted: Account
    rude: dict[str, RudeServer]
    ca_pem: str
    redis: "Redis"
    worker: Callable[[], int]
    look: Callable[[], None]
    jobs: dict[str, str] = field(default_factory=dict)

    def key(self) -> str:
        """An Idempotency-Key, with a canary in it."""
        return f"{uuid.uuid4()}-{self.plant('idempotency key')}"

    def mail(self, scene: str, account: Account, local_part: str = "", changes: dict[str, object] | None = None) -> str:
        """A job of this scene; its id, empty when it was not taken."""
        self.jobs[scene] = self.caller.submit(whole(self.plant, account, local_part) | SHORT | (changes or {}), self.key())
        return self.jobs[scene]

    def credentials(self) -> dict[str, str]:
        """Of an account at a server that refuses them."""
        return {"user": self.plant("account user"), "password": self.plant("account password")}


def all_kinds_of_mail(cast: Cast) -> None:
    """All at once; what fails, fails in every phase."""
    cast.mail("expired", cast.rude["silent"].account(cast.ca_pem) | {"port": 1})
    cast.mail("sent", cast.good)
    for fault in FAULTS:
        cast.mail(fault, cast.good, fault)
    cast.mail("password repeated", cast.rude["refuses AUTH"].account(cast.ca_pem, **cast.credentials()))
    cast.mail("recipients repeated", cast.rude["refuses RCPT"].account(cast.ca_pem))
    cast.mail("hung up", cast.rude["hangs up"].account(cast.ca_pem))
    cast.mail("certificate of nobody", cast.untrusted)
    cast.mail("no such host", {"host": f"{cast.plant('account host')}.invalid", "port": 465, "tls": "implicit"})
    cast.mail("simulated", SIMULATED)
    cast.mail("no default account", cast.good, changes={"account": "default"})
    cast.look()


def rejected(cast: Cast) -> None:
    """What the API takes not."""
    plant, good = cast.plant, whole(cast.plant, cast.good)
    wrong = (
        good | {"subject": f"{plant('bad subject')}\r\nBcc: {plant('bad subject')}@x.example"},
        good | {"to": [{"address": plant("bad address")}]},
        good | {plant("bad field"): plant("bad value")},
        good | {"page": good["page"] | {plant("bad page field"): 1}},
        good | {"lane": plant("bad lane")},
        good | {"account": {"host": "169.254.169.254", "port": 587, "tls": "starttls", "auth": {"kind": plant("bad kind")}}},
    )
    for each in wrong:
        cast.caller.submit(each, cast.key())
    cast.caller.submit(b'{"subject": "' + plant("bad json").encode(), cast.key())
    cast.caller.submit(good, plant("bad key") + "\u00fc")
    cast.caller.ask("GET", f"/v1/jobs/{plant('path')}?{plant('query')}={plant('query value')}")
    cast.caller.ask("POST", f"/{plant('no path')}", plant("no body").encode(), Content_Type=f"text/{plant('bad type')}")
    cast.caller.ask("GET", "/v1/info", User_Agent=plant("agent"), Cookie=plant("cookie"), X_Forwarded_For=plant("forwarded"))
    Caller(cast.caller.base, plant("wrong key"), cast.caller.answers).ask("GET", "/v1/jobs/x")


def asked(cast: Cast) -> None:
    """A preview, whose answer is its asker's alone, and a check of an account that is refused."""
    cast.caller.ask("POST", "/v1/render", whole(cast.plant, cast.good), private=True)
    account = cast.rude["refuses AUTH"].account(cast.ca_pem, **cast.credentials())
    cast.caller.ask("POST", "/v1/accounts/verify", {"account": account, "from": {"address": f"{cast.plant('from address')}@example.com"}})


def canceled(cast: Cast) -> None:
    """Before a worker could mail it."""
    job = cast.mail("canceled", cast.rude["silent"].account(cast.ca_pem) | {"port": 1})
    cast.caller.ask("DELETE", f"/v1/jobs/{job}")


def debugged(cast: Cast) -> None:
    """A debug session and a sealed receipt, of a mail that fails with everything repeated; what the session notes is masked, too."""
    (public, private), (receipt_key, _) = new_pair(), new_pair()
    _, session = cast.debugger.ask("POST", "/v1/debug-sessions", {"ttl_seconds": 300, "public_key": b64encode(public).decode()})
    another = {"user": cast.plant("debugged user"), "password": cast.plant("debugged password")}  # the first one is left alone by now
    account = cast.rude["refuses AUTH"].account(cast.ca_pem, **another)
    cast.jobs["debugged"] = cast.debugger.submit(whole(cast.plant, account, receipt_key=receipt_key), cast.key())
    cast.debugger.state(cast.jobs["debugged"])
    _, noted = cast.debugger.ask("GET", f"/v1/debug-sessions/{session['id']}")
    cast.debugger.answers += [open_with(private, b64decode(entry), DEBUG_CONTEXT, session["id"]) for entry in noted["entries"]]
    cast.admin.ask("GET", "/v1/admin/debug")
    cast.debugger.ask("DELETE", f"/v1/debug-sessions/{session['id']}")


def killed(cast: Cast) -> None:
    """A worker dies while it has the mail; another one has it then."""
    silent = cast.rude["silent"]
    cast.mail("killed", silent.account(cast.ca_pem))
    silent.met.wait(20)
    cast.look()
    worker = cast.worker()
    os.kill(worker, signal.SIGKILL)
    os.waitid(os.P_PID, worker, os.WEXITED | os.WNOWAIT)
    silent.close()  # the next worker is refused, so that no mail is in hand when memory is searched


def foreign(cast: Cast) -> None:
    """A message on Celery's queue that is none of ours, with everything in it that people put there."""
    word = cast.plant(FOREIGN)
    body = json.dumps([[word], {"password": word}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]).encode()
    headers = {"lang": "py", "task": f"nobody.{word}", "id": word, "argsrepr": repr([word]), "kwargsrepr": repr({"password": word})}
    properties = {
        "correlation_id": word, "delivery_mode": 1, "delivery_info": {"exchange": "", "routing_key": word}, "body_encoding": "base64",
        "delivery_tag": str(uuid.uuid4()), "priority": 0,
    }  # fmt: skip
    envelope = {"content-encoding": "utf-8", "content-type": "application/json", "headers": headers, "properties": properties}
    cast.redis.lpush(BELL, json.dumps(envelope | {"body": b64encode(body).decode()}))
    cast.redis.lpush(BELL, json.dumps(envelope | {"body": b64encode(word.encode()).decode(), "content-type": f"text/{word}"}))
    cast.redis.lpush(BELL, word)


def broken(cast: Cast) -> None:
    """An error of our own, with the submission in its frames: a replay whose record lacks what every record has."""
    key, document = cast.key(), whole(cast.plant, SIMULATED)
    job = cast.caller.submit(document, key)
    cast.caller.state(job)
    cast.redis.hdel(f"bp:job:{job}", "st")
    cast.caller.submit(document, key)
    cast.redis.delete(f"bp:job:{job}")


def given_up(cast: Cast) -> None:
    """What would be tried again is canceled, or has its time run out: no mail is in hand when memory is searched."""
    for job in filter(None, cast.jobs.values()):
        cast.caller.ask("DELETE", f"/v1/jobs/{job}")
    for job in filter(None, cast.jobs.values()):
        cast.caller.state(job, seconds=SHORT_SECONDS + 20)


def looked_at(cast: Cast) -> None:
    """Everything that the operator can ask for."""
    for path in ("/metrics", "/readyz", "/livez", "/v1/admin/failures?window=1h", "/v1/admin/pauses", "/v1/admin/debug", "/v1/admin/stats"):
        cast.admin.ask("GET", path)
    for path in ("/readyz", "/v1/me", "/v1/info", "/v1/keys", "/v1/openapi.json"):
        cast.caller.ask("GET", path)
    _at_a_browser(cast.admin)


def _at_a_browser(admin: Caller) -> None:
    """The dashboard's pages and the first event of its stream, which has all panels."""
    with closing(HTTPConnection(urlsplit(admin.base).netloc, timeout=SECONDS)) as line:
        line.request("POST", "/admin/sign-in", urlencode({"key": admin.api_key}), FORM)
        signed_in = line.getresponse()
        admin.answers.append(_head(signed_in) + signed_in.read())
        cookie = signed_in.getheader("Set-Cookie", "").partition(";")[0]
        for path in DASHBOARD:
            admin.ask("GET", path, Cookie=cookie)
        line.request("GET", "/admin/live", headers={"Cookie": cookie})
        stream = line.getresponse()
        told = _head(stream)
        while (words := stream.readline()).strip():
            told += words
        admin.answers.append(told)


def _head(response: HTTPResponse) -> bytes:
    return repr((response.status, response.getheaders())).encode()


SCENES: Final = (all_kinds_of_mail, rejected, asked, canceled, debugged, killed, foreign, broken)
ENDS: Final = {
    "sent": "sent", "password repeated": "failed", "recipients repeated": "failed", "certificate of nobody": "failed",
    "reject-data": "failed", "canceled": "canceled", "expired": "expired", "simulated": "sent", "debugged": "failed", "killed": "expired",
}  # fmt: skip


def at_rest(cast: Cast) -> None:
    """No mail is in hand, and no end is being told, since what is in hand is in memory by right."""
    cast.rude["silent"].let_go()
    for job in filter(None, cast.jobs.values()):
        cast.caller.ask("DELETE", f"/v1/jobs/{job}")
    until = time.monotonic() + SHORT_SECONDS
    cast.redis.delete("bp:tell")  # nobody takes these callbacks, and the next try would be a minute from now
    while any(cast.redis.zcard(key) for kind in IN_HAND for key in cast.redis.scan_iter(kind)) and time.monotonic() < until:
        time.sleep(0.2)


def ended(cast: Cast) -> dict[str, str]:
    """How the scenes ended that have an end; raises nothing: who reads the report sees it."""
    until = time.monotonic() + SHORT_SECONDS + 20
    return {scene: cast.caller.state(cast.jobs[scene], state, seconds=max(1, until - time.monotonic())) for scene, state in ENDS.items()}
