"""Log records: constant messages with ids as fields, one line each, the request id on all, secrets on none."""

import logging
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from logging.config import dictConfig
from types import TracebackType
from typing import Any

from pythonjsonlogger.json import JsonFormatter as _JsonFormatter

from apps.core import request_id
from apps.core.redaction import WITHHELD, Redactor, withheld

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_TRACES = ("exc_info", "stack_info")
# Controls (with ANSI's), line ends of Unicode, what turns the direction of text, and halves of characters.
_DECEIVING = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LONGEST, _LONGEST_TRACEBACK, _DEEPEST, _MOST, _GREATEST = 10_000, 50_000, 8, 100, 10**80

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def configure(config: dict[str, Any]) -> None:
    """Put settings.LOGGING in force in this process; Python's warnings become records too."""
    dictConfig(config)
    logging.captureWarnings(capture=True)


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.current()
        return True


class _Reader:
    """A record's parts as they may be written: redacted, bounded, and none of them a line or a colour of its own."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def text(self, text: str) -> str:
        return escaped(self._bounded(text, self._redactor.text, _LONGEST))

    def traceback(self, text: str) -> str:
        """Lines stay lines here; all else is as in text."""
        return "\n".join(map(escaped, self._bounded(text, self._redactor.traceback, _LONGEST_TRACEBACK).split("\n")))

    def mapping(self, given: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
        """Names and values, both as they may be written."""
        found = {}
        for key, each in list(given.items())[:_MOST]:
            name = _printed(key)
            found[self.text(name)] = WITHHELD if withheld(name, each) else self._value(each, depth + 1)
        return found

    def _value(self, value: Any, depth: int) -> Any:
        """A value as JSON has it."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return value if abs(value) < _GREATEST else "a number too great to print"
        if depth < _DEEPEST and isinstance(value, Mapping):
            return self.mapping(value, depth)
        if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
            return self._sequence(list(value)[:_MOST], depth)
        if isinstance(value, bytes | bytearray | memoryview):
            return f"<{len(value)} bytes>"
        return self.text(_printed(value))

    def _sequence(self, values: list[Any], depth: int) -> list[Any]:
        # A header's name and value come as a pair.
        if len(values) == 2 and isinstance(values[0], str) and withheld(*values):
            values = [values[0], WITHHELD]
        return [self._value(each, depth + 1) for each in values]

    def _bounded(self, text: str, redact: Callable[[str], str], most: int) -> str:
        # First to more than will be shown: a secret that this cuts in two is not in what is left in the end.
        return shortened(redact(shortened(text, 10 * most)), most)


class JsonFormatter(_JsonFormatter):
    """One JSON object a line, in ASCII: asctime (UTC), levelname, name, message, request_id, then the fields."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s")
        self._reader = _Reader(Redactor(secrets))

    def format(self, record: logging.LogRecord) -> str:
        return super().format(_printable(record))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Everything but tracebacks is a value; those keep their lines."""
        traces = {name: log_data.pop(name) for name in _TRACES if isinstance(log_data.get(name), str)}
        told = {name: self._reader.traceback(text) for name, text in traces.items()}
        return self._reader.mapping(log_data) | told


class VerboseFormatter(logging.Formatter):
    """For a person at a terminal: fields follow the message, and a traceback is set in, so that it forges no line."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s %(message)s")
        self._reader = _Reader(Redactor(secrets))

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(_printable(record))
        return text.replace("\n", "\n    ")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        given = {key: value for key, value in vars(record).items() if key not in _STANDARD and value != ""}
        if isinstance(record.msg, Mapping):
            given, record.message = given | dict(record.msg), ""
        told = " ".join(f"{key}={value}" for key, value in self._reader.mapping(given).items())
        record.message = self._reader.text(record.message)
        return f"{super().formatMessage(record)} {told}".rstrip()

    def formatException(self, ei: ExceptionInfo) -> str:  # noqa: N802
        return self._reader.traceback(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return self._reader.traceback(stack_info)


def _printable(record: logging.LogRecord) -> logging.LogRecord:
    """A copy that any formatter can format: a message that its arguments do not fit is told without them."""
    copy = logging.makeLogRecord(vars(record))
    # Cached by whichever formatter came first.
    copy.exc_text = None if copy.exc_info else copy.exc_text
    try:
        copy.getMessage()
    except Exception:  # noqa: BLE001 (whatever an argument raises while it is printed)
        copy.msg, copy.args = f"{_printed(copy.msg)} (its arguments do not fit)", ()
    return copy


def escaped(text: str) -> str:
    """The text with its deceiving characters written out (\\x1b), so that it stays one line and one colour."""
    return _DECEIVING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and its end."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2]} [{len(text) - most} characters left out] {text[-(most // 2) :]}"


def _printed(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 (whatever an object raises while it is printed)
        return f"<{type(value).__name__} that cannot be printed>"
