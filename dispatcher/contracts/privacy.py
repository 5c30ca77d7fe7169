"""Privacy: what may be logged and reported. Everything is rebuilt from an allow-list; what is not on it does not exist."""

import asyncio
import json
import logging
import sys
import threading
import time
import traceback
from importlib.metadata import version
from types import TracebackType
from typing import Any, Final, cast

import sentry_sdk
from sentry_sdk.types import Event, Hint

from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.tidy import keep_tidy

LOGGER: Final = "beampost"
FIELDS: Final = tuple("attempt by bytes code failure_class kind lane outcome phase pid problem seconds setting stage state status".split())
NOT_AT_ALL: Final = {"mode": "off"}
COLLECTED: Final[Any] = {  # nothing; what is not named is collected
    "user_info": False,
    "cookies": NOT_AT_ALL,
    "http_headers": {"request": NOT_AT_ALL},
    "http_bodies": [],
    "url_query_params": NOT_AT_ALL,
    "graphql": {"document": False, "variables": False},
    "gen_ai": {"inputs": False, "outputs": False},
    "database_query_data": False,
    "queues": False,
    "stack_frame_variables": False,
    "frame_context_lines": 0,
}
SENTRY_KEYS: Final = ("event_id", "timestamp", "level", "platform", "release", "environment")


class AllowListFormatter(logging.Formatter):
    """One JSON object a line: our own fixed words and the allowed fields. A foreign record keeps its logger, level and error type only."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; never a message of others, an argument, or the text of an exception."""
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.name.partition(".")[0] == LOGGER and not record.args:
            line["event"] = record.msg
            line |= {field: getattr(record, field) for field in FIELDS if hasattr(record, field)}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["at"] = places(record.exc_info[2])
        return json.dumps(line, default=str)


def places(trace: TracebackType | None) -> list[str]:
    """Where an exception passed: module, function and line, without values."""
    found = []
    while trace:
        frame = trace.tb_frame
        found.append(f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found[-8:]


def install(settings: SharedSettings) -> None:
    """The one way out for words of this process: logging, the hooks for what nobody caught, and Sentry."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(AllowListFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(LOGGER).setLevel(settings.log_level)
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda fact: _uncaught(fact.exc_type, fact.exc_value, fact.exc_traceback)
    threading.excepthook = lambda fact: _uncaught(fact.exc_type, fact.exc_value, fact.exc_traceback)
    if settings.sentry_dsn:
        _start_sentry(settings.sentry_dsn.get_secret_value(), settings.environment)


def quiet_loop(loop: asyncio.AbstractEventLoop) -> None:
    """What a task of this loop never told anybody is logged as type and place; what only refers to itself is freed within a second."""
    loop.set_exception_handler(lambda _, context: report(context.get("exception")))
    keep_tidy(loop)


def report(error: BaseException | None) -> None:
    """To the log and to Sentry: that something of ours went wrong, and where; then the error is forgotten."""
    kind, trace = (type(error), error.__traceback__) if error else (RuntimeError, None)
    logging.getLogger(LOGGER).error("internal error", exc_info=(kind, kind(), trace) if error is None else (kind, error, trace))
    if error:
        sentry_sdk.capture_exception(error)
        forget(error)


def forget(error: BaseException | None) -> None:
    """Lets go what an error, and those that led to it, hold of the frames that they passed."""
    while error:
        traceback.clear_frames(error.__traceback__)
        earlier = error.__cause__ or error.__context__
        error.__traceback__ = error.__cause__ = error.__context__ = None
        error = earlier


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    report(error.with_traceback(trace) if error else None)


def _start_sentry(dsn: str, environment: str) -> None:
    sentry_sdk.init(
        dsn,
        environment=environment,
        release=version("beampost"),
        server_name="",
        before_send=rebuilt,
        before_send_transaction=lambda _event, _hint: None,
        data_collection=COLLECTED,
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        enable_logs=False,
        enable_metrics=False,
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        propagate_traces=False,
        send_client_reports=False,
        debug=False,
        spotlight=False,
    )


def rebuilt(event: Event, _hint: Hint) -> Event | None:
    """A report made anew from an allow-list: keys of the envelope, and types and places of exceptions."""
    source: dict[str, Any] = dict(event)
    clean: dict[str, Any] = {name: source[name] for name in SENTRY_KEYS if name in source}
    values = []
    for value in source.get("exception", {}).get("values", []):
        frames = value.get("stacktrace", {}).get("frames", [])
        kept = [{name: frame.get(name) for name in ("module", "function", "lineno")} for frame in frames]
        values.append({"type": value.get("type"), "stacktrace": {"frames": kept}})
    clean["exception"] = {"values": values}
    clean["fingerprint"] = [str(value["type"]) for value in values] + [
        str(frame["lineno"]) for v in values for frame in v["stacktrace"]["frames"][-1:]
    ]
    return cast("Event", clean)
