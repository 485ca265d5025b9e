"""How an event becomes a line: structlog's events and those of the standard library go the same way.

A line that can't be written is lost, and nothing else: no call ends because a pipe was closed.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, Final, Literal, TextIO, TypeAlias

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from otpvoice.logs.masking import each_text, escaped, masked
from otpvoice.logs.tracebacks import shown_traceback

Format: TypeAlias = Literal["json", "console"]
Level: TypeAlias = Literal["debug", "info", "warning", "error"]

_FIRST: Final = ("timestamp", "level", "event", "call", "account")
# Their lower levels are about themselves. Request lines of aiohttp would be a second access log.
_WIDEST: Final = 29
"""Characters of the longest event: what follows is aligned on a terminal."""
_CHATTY: Final = ("asyncio", "aiohttp", "aiohttp.access", "concurrent.futures", "markdown_it")


def configure(
    format: Format | None = None,  # noqa: A002 - the word of the setting
    level: Level = "info",
    stream: TextIO | None = None,
    *,
    cache: bool = True,
) -> None:
    """Send all logs to ``stream`` (standard output). ``format`` None: ``console`` on a terminal, else ``json``.

    ``cache``: loggers keep what they find at their first line, which is faster; a test wants them to ask again.
    """
    stream = stream or sys.stdout
    format = format or ("console" if stream.isatty() else "json")  # noqa: A001 - as above
    colors = wants_colors(stream, os.environ)
    rendering: tuple[Processor, ...] = (_json,) if format == "json" else (_escape, _console(colors=colors))
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(shown_traceback),
            _mask,
            _in_order,
            *rendering,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=_Lines(stream),
        cache_logger_on_first_use=cache,
    )
    _take_over(threshold)


def wants_colors(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether a stream is a terminal that shows colours to somebody who wants them (no-color.org)."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: masked(value, key) for key, value in event.items()}


def _in_order(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: event.pop(key) for key in _FIRST if key in event} | dict(event)


def _json(_: WrappedLogger, __: str, event: EventDict) -> str:
    try:
        return orjson.dumps(event, default=_words, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()
    except TypeError:  # half of a surrogate pair, an integer of more than 64 bits
        return json.dumps(event, default=_words)


def _words(value: object) -> str:
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__qualname__}>"


def _escape(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    traceback = event.pop("exception", None)
    lines: EventDict = {key: each_text(value, escaped) for key, value in event.items()}
    if traceback is not None:
        lines["exception"] = escaped(str(traceback), keep="\n")
    return lines


def _console(*, colors: bool) -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback, pad_event_to=_WIDEST, sort_keys=False
    )


class _Lines:
    """structlog's last stop: writes lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, *_: object) -> _Lines:
        return self

    def msg(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return  # closed, full, or not able to hold the characters; there is nobody left to tell

    log = debug = info = warn = warning = error = critical = exception = fatal = failure = err = msg


class _Handler(logging.Handler):
    """Hands records of the standard library over."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            told: dict[str, Any] = {"logger": record.name}
            if record.exc_info and record.exc_info[0] is not None:
                told["exc_info"] = record.exc_info
            # structlog knows the five levels only.
            level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
            structlog.get_logger().log(level, record.getMessage(), **told)
        except Exception:  # a record that can't be formatted must not reach whoever logged it, nor show its arguments
            structlog.get_logger().error("log.not_formatted", logger=record.name)


def _take_over(threshold: int) -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Handler)]:
        root.removeHandler(handler)
    root.addHandler(_Handler())
    root.setLevel(threshold)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
