"""Log records: constant messages with ids as fields, one line each, the request id on all."""

import logging

from pythonjsonlogger.json import JsonFormatter as _JsonFormatter

from apps.core import request_id

_ESCAPES = {ord(c): f"\\x{ord(c):02x}" for c in map(chr, [*range(32), 127, 155])}


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.current()
        return True


class JsonFormatter(_JsonFormatter):
    """One JSON object a line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s")


class VerboseFormatter(logging.Formatter):
    """For a person at a terminal: control characters are escaped, so a log line cannot be forged."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s %(message)s [%(request_id)s]")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the standard library's name)
        return super().formatMessage(record).translate(_ESCAPES)
