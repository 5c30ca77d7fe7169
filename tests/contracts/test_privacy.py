"""Privacy: what is not on the allow-list does not leave the process."""

import asyncio
import json
import logging
import sys
import threading
import weakref
from collections.abc import Iterator
from importlib.metadata import version
from types import SimpleNamespace

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from dispatcher.contracts import privacy
from dispatcher.contracts.privacy import FIELDS, AllowListFormatter, install, places, quiet_loop, rebuilt, report
from dispatcher.contracts.shared_settings import SharedSettings

CANARY = "max@example.org"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Logging and hooks as they were."""
    root, ours = logging.getLogger(), logging.getLogger("beampost")
    kept = root.handlers[:], root.level, ours.level, logging.raiseExceptions
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    yield
    root.handlers[:], root.level, ours.level, logging.raiseExceptions = kept
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks


def fail() -> None:
    password = CANARY
    raise ValueError(f"no mail for {password}")


def failure() -> ValueError:
    try:
        fail()
    except ValueError as error:
        return error
    raise AssertionError


def line(logger: str, message: object, *args: object, error: BaseException | None = None, **extra: object) -> dict[str, object]:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.getLogger(logger).makeRecord(logger, logging.WARNING, "path", 1, message, args, info, "function", extra)
    return json.loads(AllowListFormatter().format(record))


def test_our_own_line_keeps_its_words_and_the_allowed_facts() -> None:
    facts = dict.fromkeys(FIELDS, 7)
    found = line("beampost", "job moved", **facts, address=CANARY, user=CANARY)
    assert found == facts | {"time": found["time"], "level": "warning", "logger": "beampost", "event": "job moved"}


@pytest.mark.parametrize("logger", ["celery.worker", "beampostal", "redis", "root"])
def test_a_foreign_line_loses_message_arguments_and_facts(logger: str) -> None:
    found = line(logger, f"raised for {CANARY}: %s", CANARY, state=CANARY)
    assert found == {"time": found["time"], "level": "warning", "logger": logger}


def test_a_line_of_ours_with_arguments_is_treated_as_foreign() -> None:
    assert sorted(line("beampost", "for %s", CANARY, state="x")) == ["level", "logger", "time"]


@pytest.mark.parametrize("logger", ["beampost", "celery"])
def test_of_an_exception_type_and_places_are_kept(logger: str) -> None:
    found = line(logger, "failed", error=failure())
    assert (found["error"], CANARY in json.dumps(found)) == ("ValueError", False)
    assert [place.rpartition(":")[0].rpartition(".")[2] for place in found["at"]] == ["test_privacy:failure", "test_privacy:fail"]


def test_the_places_of_a_deep_exception_are_the_last_eight() -> None:
    def deeper(left: int) -> None:
        if left:
            deeper(left - 1)
        fail()

    with pytest.raises(ValueError, match="no mail") as caught:
        deeper(20)
    assert [place.split(":")[1] for place in places(caught.value.__traceback__)] == ["deeper"] * 7 + ["fail"]


def installed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """What was written since the last look."""
    captured = capsys.readouterr()
    assert (captured.err, CANARY in captured.out) == ("", False)
    return [json.loads(row) for row in captured.out.splitlines()]


def test_whatever_nobody_caught_is_told_as_type_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    install(SharedSettings())
    error = failure()
    sys.excepthook(type(error), error, error.__traceback__)
    fact = SimpleNamespace(exc_type=type(error), exc_value=error, exc_traceback=error.__traceback__, object=CANARY, err_msg=CANARY)
    sys.unraisablehook(fact)
    threading.excepthook(fact)
    assert [(row["event"], row["error"]) for row in installed(capsys)] == [("internal error", "ValueError")] * 3


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_end_that_was_asked_for_is_no_error(capsys: pytest.CaptureFixture[str], kind: type[BaseException]) -> None:
    install(SharedSettings())
    sys.excepthook(kind, kind(), None)
    assert installed(capsys) == []


def test_an_exception_in_a_thread_says_nothing_of_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    install(SharedSettings())
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert [row["error"] for row in installed(capsys)] == ["ValueError"]


def test_a_loop_tells_type_and_place_of_what_a_callback_raised(capsys: pytest.CaptureFixture[str]) -> None:
    install(SharedSettings())

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        quiet_loop(loop)
        loop.call_soon(fail)
        await asyncio.sleep(0)
        loop.call_exception_handler({"message": CANARY})

    asyncio.run(scene())
    assert [row["error"] for row in installed(capsys)] == ["ValueError", "RuntimeError"]


def test_libraries_are_heard_from_warnings_on_and_we_from_our_level_on(capsys: pytest.CaptureFixture[str]) -> None:
    install(SharedSettings(log_level="INFO"))
    for logger in ("beampost", "celery"):
        for level in (logging.DEBUG, logging.INFO, logging.WARNING):
            logging.getLogger(logger).log(level, "said")
    assert [(row["logger"], row["level"]) for row in installed(capsys)] == [
        ("beampost", "info"),
        ("beampost", "warning"),
        ("celery", "warning"),
    ]


def test_a_line_that_cannot_be_formatted_is_not_printed_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    install(SharedSettings())
    logging.getLogger("celery").warning("%d", CANARY)
    assert [row["logger"] for row in installed(capsys)] == ["celery"]


class Kept:
    """What a frame holds."""


def nested_failure() -> tuple[ValueError, "weakref.ref[Kept]"]:
    def inner() -> "weakref.ref[Kept]":
        kept = Kept()
        seen.append(weakref.ref(kept))
        raise ValueError

    seen: list[weakref.ref[Kept]] = []
    try:
        try:
            inner()
        except ValueError as cause:
            raise ValueError("later") from cause
    except ValueError as error:
        return error, seen[0]
    raise AssertionError


def test_a_reported_error_holds_nothing_of_the_frames_that_it_and_its_causes_passed(capsys: pytest.CaptureFixture[str]) -> None:
    install(SharedSettings())
    error, kept = nested_failure()
    assert kept() is not None
    report(error)
    assert (kept(), error.__traceback__, error.__cause__, error.__context__) == (None, None, None, None)
    assert [row["error"] for row in installed(capsys)] == ["ValueError"]


EVENT = {
    "event_id": "e" * 32,
    "timestamp": "2026-11-24T12:00:00Z",
    "level": "error",
    "platform": "python",
    "release": "1",
    "environment": "production",
    "server_name": CANARY,
    "user": {"email": CANARY},
    "request": {"url": CANARY},
    "extra": {"x": CANARY},
    "tags": {"x": CANARY},
    "contexts": {"x": {"x": CANARY}},
    "breadcrumbs": {"values": [{"message": CANARY}]},
    "logentry": {"message": CANARY},
    "message": CANARY,
    "exception": {
        "values": [
            {
                "type": "ValueError",
                "value": CANARY,
                "mechanism": {"data": CANARY},
                "stacktrace": {
                    "frames": [
                        {"module": "m", "function": "f", "lineno": 7, "vars": {"x": CANARY}, "context_line": CANARY, "abs_path": CANARY},
                    ]
                },
            },
            {"type": "KeyError", "value": CANARY},
        ]
    },
}


def test_a_report_is_made_anew_from_the_allow_list() -> None:
    assert rebuilt(EVENT, {}) == {
        **{name: EVENT[name] for name in ("event_id", "timestamp", "level", "platform", "release", "environment")},
        "exception": {
            "values": [
                {"type": "ValueError", "stacktrace": {"frames": [{"module": "m", "function": "f", "lineno": 7}]}},
                {"type": "KeyError", "stacktrace": {"frames": []}},
            ]
        },
        "fingerprint": ["ValueError", "KeyError", "7"],
    }


def test_a_report_without_an_exception_keeps_its_envelope() -> None:
    assert rebuilt({"event_id": "1", "message": CANARY}, {}) == {"event_id": "1", "exception": {"values": []}, "fingerprint": []}


class Sink(Transport):
    """Where reports arrive."""

    def __init__(self, options: dict[str, object] | None = None) -> None:
        super().__init__(options)
        self.envelopes: list[Envelope] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)


def test_a_report_arrives_and_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    install(SharedSettings(sentry_dsn="https://key@sentry.invalid/1"))
    client = sentry_sdk.get_client()
    transport, sink = client.transport, Sink()
    collected = client.options["data_collection"]
    assert {name: collected[name] for name in privacy.COLLECTED} == privacy.COLLECTED
    assert (client.options["release"], client.options["spotlight"], client.options["debug"]) == (version("beampost"), False, False)
    client.transport = sink
    try:
        logging.getLogger("celery").error("for %s", CANARY)
        sentry_sdk.set_user({"email": CANARY})
        sentry_sdk.set_tag("x", CANARY)
        report(failure())
    finally:
        client.transport = transport
        client.close()
        sentry_sdk.get_global_scope().set_client(None)
        sentry_sdk.get_isolation_scope().clear()
    events = [item.payload.json for envelope in sink.envelopes for item in envelope.items]
    written = b"".join(envelope.serialize() for envelope in sink.envelopes)
    assert [[value["type"] for value in event["exception"]["values"]] for event in events] == [["ValueError"]]
    assert CANARY.encode() not in written
    assert b"no mail" not in written
    assert [row["logger"] for row in installed(capsys)] == ["celery", "beampost"]


def test_every_field_of_the_allow_list_is_a_word_of_ours() -> None:
    assert sorted(privacy.FIELDS) == list(privacy.FIELDS)
