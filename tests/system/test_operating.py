"""Operating: an operator's commands beside a running stack, by their exit codes and by what they change."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from dispatcher.intake.caller import Scope
from tests.system.client import Client
from tests.system.door import SMALL, another_key, listed, paused
from tests.system.running_stack import ROOT, RunningStack, await_true, environment, running_stack

REASON: Final = ("--reason", "A test.")
SHORT: Final = (*REASON, "--for", "5m")


def beampost(stack: RunningStack, *words: str, **settings: object) -> "subprocess.CompletedProcess[str]":
    """A command that has no settings but these."""
    command = [sys.executable, "-m", "dispatcher", *words]
    environ = environment(stack.room, **settings)
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)


def found(stack: RunningStack, *words: str) -> Any:  # noqa: ANN401 -- JSON
    """What a command that goes well prints as JSON."""
    ended = beampost(stack, *words, "--json", "--ready-file", str(stack.ready_file))
    assert (ended.returncode, ended.stderr) == (0, "")
    return json.loads(ended.stdout)


def file_of(client: Client, path: Path) -> tuple[str, ...]:
    """The options by which a command finds it."""
    path.write_text(client.key or "")
    return "--api", client.base, "--key-file", str(path)


def test_status_tells_what_the_api_tells(door: RunningStack) -> None:
    admin = door.admin()
    seen = found(door, "status")
    assert set(seen) == {*admin.get("/v1/admin/stats?window=1h").json, "failures", "failures_since", "hidden_below"}
    assert (seen["since"], seen["failures_since"][13:]) == (seen["steps"][0]["start"], ":00:00Z")
    lines = beampost(door, "status", "--ready-file", str(door.ready_file)).stdout.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [["waiting", "interactive"], ["waiting", "bulk"], ["pool", "interactive+bulk"]]


def test_a_lane_is_paused_and_goes_on(door: RunningStack) -> None:
    begun = found(door, "pause", "lane:bulk", *SHORT)
    assert (begun["scope"], begun["reason"], listed(door.admin())) == ("lane:bulk", "A test.", ["lane:bulk"])
    assert found(door, "resume", "lane:bulk") == {"ended": True, "pauses": []}
    assert listed(door.admin()) == []


def test_who_resumes_is_told_what_is_still_paused_and_that_there_was_nothing_to_end(door: RunningStack) -> None:
    ready = ("--ready-file", str(door.ready_file))
    with paused(door, "lane:interactive"):
        found(door, "pause", "lane:bulk", *SHORT)
        assert beampost(door, "resume", "lane:bulk", *ready).stdout == "the pause of lane:bulk is over; still paused: lane:interactive\n"
    assert beampost(door, "resume", "lane:bulk", *ready).stdout == "lane:bulk was not paused; no other is left\n"
    assert beampost(door, "resume", "tenant:misspelt", *ready).stdout == "tenant:misspelt was not paused; no other is left\n"


def test_a_pause_may_end_at_a_moment(door: RunningStack) -> None:
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600))
    assert found(door, "pause", "lane:bulk", *REASON, "--until", until)["until"] == until
    found(door, "resume", "lane:bulk")


@pytest.mark.parametrize(
    "words",
    [
        ("pause", "lane:telltale", *SHORT),
        ("pause", "lane:bulk", *REASON),
        ("pause", "lane:bulk", *SHORT, "--until", "2030-01-31T18:00:00Z"),
        ("pause", "lane:bulk", *REASON, "--for", "telltale"),
        ("pause", "lane:bulk", *REASON, "--for", "25h"),
        ("pause", "lane:bulk", *REASON, "--until", "telltale"),
        ("pause", "lane:bulk", "--for", "5m"),
        ("drain", "telltale", *SHORT),
        ("resume", "telltale"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_a_matter_of_usage_and_is_not_repeated(door: RunningStack, words: tuple[str, ...]) -> None:
    ended = beampost(door, *words, "--ready-file", str(door.ready_file))
    assert (ended.returncode, ended.stdout, "telltale" in ended.stderr) == (2, "", False)
    assert listed(door.admin()) == []


def test_a_drained_pool_claims_nothing_until_it_is_resumed(door: RunningStack, caller: Client) -> None:
    scope = "pool:interactive+bulk"
    begun = found(door, "drain", "interactive+bulk", *SHORT, "--wait")
    job_id = caller.submit(SMALL)["id"]
    time.sleep(1)  # two sweeps
    assert (begun["scope"], caller.status(job_id)["state"]) == (scope, "queued")
    assert found(door, "resume", scope) == {"ended": True, "pauses": []}
    assert caller.await_state(job_id, "sent")["state"] == "sent"


def test_who_drains_and_waits_returns_when_nothing_is_in_hand(door: RunningStack, caller: Client) -> None:
    job_id = caller.submit(SMALL | {"to": [{"address": "slow@example.org"}]})["id"]
    caller.await_state(job_id, "sending")
    ended = beampost(door, "drain", "interactive+bulk", *SHORT, "--wait", "--ready-file", str(door.ready_file))
    assert (ended.returncode, set(ended.stderr.splitlines())) == (0, {"1 in hand"})
    assert caller.status(job_id)["state"] != "sending"
    assert found(door, "resume", "pool:interactive+bulk") == {"ended": True, "pauses": []}


def test_what_waits_in_a_lane_is_purged(door: RunningStack, caller: Client) -> None:
    ready = ("--ready-file", str(door.ready_file))
    with paused(door, "all"):
        bulk, bulk_too, other = (caller.submit(SMALL | {"lane": lane})["id"] for lane in ("bulk", "bulk", "interactive"))
        asked = beampost(door, "purge", "--lane", "bulk", *ready)
        assert (asked.returncode, asked.stdout, caller.status(bulk)["state"]) == (1, "", "queued")
        assert found(door, "purge", "--lane", "bulk", "--yes") == {"canceled": 2, "already": 0, "left": 0}
        assert [caller.status(job_id)["state"] for job_id in (bulk, bulk_too, other)] == ["canceled", "canceled", "queued"]
        unknown = beampost(door, "purge", "--job", "none", "--yes", *ready)
        assert (unknown.returncode, unknown.stdout, unknown.stderr) == (1, "0 canceled; 1 not: past the final dot, ended or unknown\n", "")
        again = beampost(door, "purge", "--job", bulk, "--job", bulk_too, "--yes", *ready)
        assert (again.returncode, again.stdout, again.stderr) == (0, "0 canceled; 2 already were\n", "")
        assert found(door, "purge", "--all", "--yes") == {"canceled": 1, "already": 0, "left": 0}
        assert beampost(door, "purge", "--yes", *ready).returncode == 2
    assert caller.status(other)["state"] == "canceled"


def test_metrics_are_those_of_the_service(door: RunningStack, tmp_path: Path) -> None:
    admin = door.admin()
    key = another_key(door, "monitoring", Scope.METRICS)
    prom = beampost(door, "metrics", "--prom", *file_of(Client(admin.base, key.key), tmp_path / "key"))
    names = [line for line in admin.get("/metrics").body.decode().splitlines() if line.startswith("# TYPE")]
    assert (prom.returncode, [line for line in prom.stdout.splitlines() if line.startswith("# TYPE")]) == (0, names)
    samples = {sample["name"]: sample for sample in found(door, "metrics")}
    assert samples["beampost_redis_up"] == {"name": "beampost_redis_up", "labels": {}, "value": 1.0}
    table = beampost(door, "metrics", "--ready-file", str(door.ready_file)).stdout
    assert ["1", "beampost_workers", "pool=interactive+bulk"] in [line.split() for line in table.splitlines()]


def test_who_is_no_operator_is_refused(door: RunningStack, tmp_path: Path) -> None:
    tenants = Client(door.facts["admin"], door.facts["api_key"])
    for words in (["status"], ["metrics"], ["pause", "all", *SHORT]):
        ended = beampost(door, *words, *file_of(tenants, tmp_path / "key"))
        assert (ended.returncode, ended.stdout, bool(ended.stderr)) == (2, "", True)


def test_who_asks_the_other_port_is_told(door: RunningStack, tmp_path: Path) -> None:
    for url, key, words, port in (("api", "admin_key", ["status"], "admin"), ("admin", "api_key", ["debug", "open", "new"], "public")):
        ended = beampost(door, *words, *file_of(Client(door.facts[url], door.facts[key]), tmp_path / "key"))
        assert (ended.returncode, ended.stdout, ended.stderr.splitlines()[1:]) == (2, "", [f"  is that the {port} port?"])


def test_where_nobody_answers_it_is_unreachable(door: RunningStack, tmp_path: Path) -> None:
    options = file_of(Client("http://127.0.0.1:9", door.facts["admin_key"]), tmp_path / "key")
    for words in (["status"], ["metrics"], ["resume", "all"]):
        ended = beampost(door, *words, *options)
        assert (ended.returncode, ended.stdout, ended.stderr) == (3, "", "the API does not answer\n")
    ended = beampost(door, "purge", "--all", "--yes", redis_url="redis://127.0.0.1:9/0")
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "", "Redis does not answer\n")
    ended = beampost(door, "health", api_port=9)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "", "the API does not answer\n")


def test_health_finds_the_api_by_its_settings(door: RunningStack) -> None:
    ended = beampost(door, "health", api_port=door.settings_of("api")["BEAMPOST_API_PORT"])
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, '{"status":"ok"}\n', "")


def test_settings_are_shown_without_secrets(door: RunningStack) -> None:
    url = "rediss://user:telltale@redis.example:6380/1?ssl_ca_certs=/ca.pem"
    ended = beampost(door, "config", "show", "--set", "--json", redis_url=url, max_recipients=7, api_port=1)
    assert (ended.returncode, json.loads(ended.stdout)) == (
        0,
        {
            "BEAMPOST_REDIS_URL": {"value": "rediss://***@redis.example:6380/1", "set": True},
            "BEAMPOST_MAX_RECIPIENTS": {"value": "7", "set": True},
            "BEAMPOST_API_PORT": {"value": "1", "set": True},
        },
    )
    lines = beampost(door, "config", "show", "--role", "worker", max_recipients=7).stdout.splitlines()
    assert [line.split() for line in lines if "MAX_RECIPIENTS" in line] == [["*", "BEAMPOST_MAX_RECIPIENTS", "7"]]
    assert not any("BEAMPOST_API_PORT" in line for line in lines)


def test_the_documents_of_both_ports_are_printed(door: RunningStack) -> None:
    for words, client in ((["openapi"], door.client()), (["openapi", "--admin"], door.admin())):
        printed = json.loads(beampost(door, *words).stdout)
        assert list(printed["paths"]) == list(client.get("/v1/openapi.json").json["paths"])


def test_ctrl_c_is_how_a_program_is_ended() -> None:
    def workers() -> int:
        return sum(pool["workers"] for pool in stack.admin().get("/v1/admin/stats?window=1h").json["now"]["pools"])

    with running_stack() as stack:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        told = {role: stack.settings_of(role) | {"BEAMPOST_API_PORT": str(port), "BEAMPOST_ADMIN_PORT": "0"} for role in ("api", "worker")}
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "dispatcher", role],
                cwd=ROOT,
                env=environment(stack.room) | settings,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for role, settings in told.items()
        ]
        try:
            await_true(lambda: workers() == 2 and beampost(stack, "health", api_port=port).returncode == 0, 20)
            for process in (*started, stack.process):
                process.send_signal(signal.SIGINT)
                assert process.wait(20) == 0
        finally:
            for process in started:
                process.kill()
                process.wait()


def test_a_watch_on_a_pipe_repeats_and_ends_with_ctrl_c(door: RunningStack) -> None:
    command = [sys.executable, "-m", "dispatcher", "status", "--watch", "--json", "--ready-file", str(door.ready_file)]
    environ = environment(door.room) | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
        assert watch.stdout
        seen = [json.loads(watch.stdout.readline())["window"] for _ in range(2)]
        watch.send_signal(signal.SIGINT)
        rest, said = watch.communicate(timeout=10)
    assert (seen, rest, said, watch.returncode) == (["1h", "1h"], "", "", 0)


def test_a_watch_on_a_terminal_redraws_and_leaves_the_cursor(door: RunningStack) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "dispatcher", "status", "--watch", "--ready-file", str(door.ready_file)]
    environ = environment(door.room) | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    watch = subprocess.Popen(command, cwd=ROOT, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.set_blocking(ours, False)
    drawn = b""

    def draws(times: int) -> bool:
        nonlocal drawn
        with suppress(OSError):  # nothing yet, or nothing more
            drawn += os.read(ours, 65_536)
        return drawn.count(b"interactive+bulk") >= times

    try:
        await_true(lambda: draws(2), 15)
        watch.send_signal(signal.SIGINT)
        assert watch.wait(10) == 0
        draws(2)
    finally:
        watch.kill()
        watch.wait()
        os.close(ours)
    assert (drawn.rfind(b"\x1b[?25h") > drawn.rfind(b"\x1b[?25l") > -1, b"Traceback" in drawn) == (True, False)


def test_a_submission_is_followed_to_its_end(door: RunningStack, caller: Client, tmp_path: Path) -> None:
    options = file_of(Client(door.facts["api"], caller.key), tmp_path / "key")
    (tmp_path / "good.json").write_text(json.dumps(SMALL))
    (tmp_path / "bad.json").write_text(json.dumps(SMALL | {"to": [{"address": "bounce@example.org"}]}))
    (tmp_path / "none.json").write_text("telltale")
    (tmp_path / "wrong.json").write_text(json.dumps(SMALL | {"to": "telltale"}))
    good = beampost(door, "send", str(tmp_path / "good.json"), "--idempotency-key", "the-same", "--json", *options)
    again = beampost(door, "send", str(tmp_path / "good.json"), "--idempotency-key", "the-same", *options)
    sent = json.loads(good.stdout)
    assert (good.returncode, sent["state"]) == (0, "sent")
    assert (again.returncode, again.stdout, again.stderr) == (0, f"{sent['id']}  sent\n", "")
    bad = beampost(door, "send", str(tmp_path / "bad.json"), *options)
    assert (bad.returncode, bad.stdout.split()[1:]) == (1, ["failed", "recipient_unknown"])
    for name in ("none", "wrong"):
        ended = beampost(door, "send", str(tmp_path / f"{name}.json"), *options)
        assert (ended.returncode, ended.stdout, "telltale" in ended.stderr) == (2, "", False)
