"""Log records: constant messages with ids as fields, one line each, the request id on all."""

import logging
import re
from types import TracebackType

from pythonjsonlogger.json import JsonFormatter as _JsonFormatter

from apps.core import request_id

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_ESCAPES = {ord(c): f"\\x{ord(c):02x}" for c in map(chr, [*range(32), 127, 155])}
# PostgreSQL quotes the refused row or key: names, hashes, whatever stood in it.
_QUOTED = re.compile(
    r"^(?:DETAIL|CONTEXT|QUERY):.*?(?=\n\n(?:The above exception|During handling)|\Z)", re.MULTILINE | re.DOTALL
)

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def without_quotes(text: str) -> str:
    """A traceback without what the database quotes of the data."""
    return _QUOTED.sub("DETAIL:  withheld", text)


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.current()
        return True


class JsonFormatter(_JsonFormatter):
    """One JSON object a line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s")

    def formatException(self, ei: ExceptionInfo) -> str:  # noqa: N802 (the standard library's name)
        return without_quotes(str(super().formatException(ei)))


class VerboseFormatter(logging.Formatter):
    """For a person at a terminal: fields follow the message; control characters are escaped against forged lines."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s %(message)s")

    def formatException(self, ei: ExceptionInfo) -> str:  # noqa: N802 (the standard library's name)
        return without_quotes(super().formatException(ei))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the standard library's name)
        fields = {key: value for key, value in vars(record).items() if key not in _STANDARD and value != ""}
        said = " ".join(f"{key}={value}" for key, value in fields.items())
        return f"{super().formatMessage(record)} {said}".rstrip().translate(_ESCAPES)
