"""The command line: settings that stop the start by name, and the demo that leaves nothing."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dispatcher.contracts.outcome import Stage
from tests.system.running_stack import LOOPBACK, ROOT, environment, memory_folder, processes_in, running_stack

COMMANDS = (["api"], ["worker"], ["up"])


def beampost(room: Path, *words: str, **settings: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "dispatcher", *words]
    return subprocess.run(command, cwd=ROOT, env=environment(room, **settings), capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_misspelt_setting_stops_the_start_with_its_name(words: list[str]) -> None:
    with memory_folder() as room:
        ended = beampost(room, *words, redis_ulr="telltale")
        assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", "beampost: unknown setting: BEAMPOST_REDIS_ULR\n")
        assert list(room.iterdir()) == []


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_value_that_does_not_fit_stops_the_start_with_the_settings_name(words: list[str]) -> None:
    with memory_folder() as room:
        ended = beampost(room, *words, max_recipients="telltale")
        assert (ended.returncode, ended.stdout, "telltale" in ended.stderr) == (2, "", False)
        assert ended.stderr.startswith("beampost: BEAMPOST_MAX_RECIPIENTS: ")
        assert list(room.iterdir()) == []


def test_a_network_that_is_none_is_told_by_its_option() -> None:
    with memory_folder() as room:
        ended = beampost(room, "up", "--allow-network", "10.0.0.1/8")
        assert (ended.returncode, ended.stderr.splitlines()[-1]) == (
            2, "Error: Invalid value for '--allow-network': a network is as 10.0.0.0/8 or fd00::/8, or one address",
        )  # fmt: skip
        assert list(room.iterdir()) == []


def test_what_up_is_told_to_allow_comes_to_what_the_settings_allow() -> None:
    with running_stack(*LOOPBACK, "--workers", "0", egress_allow_networks="192.0.2.0/24", allow_plaintext=False) as stack:
        told = stack.settings_of("api")
    assert told["BEAMPOST_EGRESS_ALLOW_NETWORKS"].split(",") == ["192.0.2.0/24", "127.0.0.0/8", "::1/128"]
    assert told["BEAMPOST_ALLOW_PLAINTEXT"] == "true"


def test_the_workers_own_door_names_a_misspelt_setting_too() -> None:
    with memory_folder() as room:
        command = [sys.executable, "-m", "workers"]
        environ = environment(room, redis_ulr="telltale")
        ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", "beampost worker: unknown setting: BEAMPOST_REDIS_ULR\n")


def test_the_demo_sends_the_sample_page_tells_it_in_one_object_and_leaves_nothing() -> None:
    with memory_folder() as room:
        ended = beampost(room, "demo", "--once", "--json")
        assert processes_in(room) == []
        assert list(room.iterdir()) == []
    report = json.loads(ended.stdout)
    assert (ended.returncode, ended.stdout.count("\n"), report["ok"], report["job"]["state"]) == (0, 1, True, "sent")
    assert (report["mail"]["subject"], report["mail"]["tls"], report["mail"]["user"]) == (
        "[Wiki] Release notes: Checkout 4.2", "TLSv1.3", "demo",
    )  # fmt: skip
    assert report["seconds"]["from_command_to_sent"] < 15
    assert list(report["seconds"]["stages"]) == list(Stage)


def test_the_demo_ends_on_ctrl_c_and_leaves_nothing() -> None:
    command = [sys.executable, "-m", "dispatcher", "demo"]
    with memory_folder() as room:
        environ = environment(room) | {"PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as demo:
            try:
                shown = next(line for line in demo.stdout or () if line.startswith("Look at it: "))
                processes = processes_in(room)
            finally:
                demo.send_signal(signal.SIGINT)
                left = demo.wait(15)
        assert shown.startswith("Look at it: http://127.0.0.1:")
        assert (len(processes), left, processes_in(room), list(room.iterdir())) == (5, 130, [], [])
