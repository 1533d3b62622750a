"""The wire between a client and PostgreSQL: cut into messages, and its statements named by verb and table.

Simple queries only, as the driver sends them: BEGIN, COPY and COMMIT are messages like any other. Names hold no
values.
"""

import re
from dataclasses import dataclass
from typing import Literal

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
# What ends an answer: ready for a query, or for COPY's data in either direction.
ANSWERED = frozenset(b"ZGHW")

_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_TABLE = r'(?:ONLY\s+)?"?(\w+)"?'
_STATEMENTS = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (rf"INSERT\s+INTO\s+{_TABLE}", "INSERT"),
        (rf"UPDATE\s+{_TABLE}", "UPDATE"),
        (rf"DELETE\s+FROM\s+{_TABLE}", "DELETE"),
        (rf"COPY\s+{_TABLE}", "COPY"),
        (rf"TRUNCATE\s+(?:TABLE\s+)?{_TABLE}", "TRUNCATE"),
        (rf"CREATE\s+(?:TEMP(?:ORARY)?\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_TABLE}", "CREATE"),
        (rf"DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?{_TABLE}", "DROP"),
        (r"ROLLBACK\s+TO\b()", "ROLLBACK TO"),
        (r"(?:BEGIN|START\s+TRANSACTION)\b()", "BEGIN"),
        (r"(?:LISTEN|UNLISTEN|NOTIFY|SHOW)\s+\"?([\w*]+)", ""),
        (r"SET\s+(?:LOCAL\s+|SESSION\s+)?(\w+)", "SET"),
    )
)
_WRITES_WITHIN = re.compile(
    rf'\b(INSERT)\s+INTO\s+{_TABLE}|\b(UPDATE)\s+{_TABLE}\s+(?:AS\s+|"?\w+"?\s+)?SET\b|\b(DELETE)\s+FROM\s+{_TABLE}',
    re.IGNORECASE,
)
_FROM = re.compile(rf"\bFROM\s+{_TABLE}", re.IGNORECASE)
_FUNCTION = re.compile(r"\b(pg_\w+)\s*\(", re.IGNORECASE)
_LOCKS = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+UPDATE|UPDATE|KEY\s+SHARE|SHARE)\b", re.IGNORECASE)


def name_of(sql: str) -> str:
    """What a statement does to what: "INSERT chain_block", "SELECT ledger_account FOR UPDATE", "COMMIT"."""
    text = _COMMENT.sub(" ", sql).strip().lstrip("(").strip()
    for pattern, name in _STATEMENTS:
        if found := pattern.match(text):
            return f"{name or text.split(None, 1)[0].upper()} {found[1] or ''}".strip()
    verb = re.split(r"[\s;(]", text, maxsplit=1)[0].upper()
    if verb in {"SELECT", "WITH", "VALUES", "TABLE"}:
        return _read_or_write(text)
    return verb


def only_reads(name: str) -> bool:
    """Whether nothing changes by a statement of this name: nothing is written, locked or told, as far as it shows."""
    if name == "SELECT" or name.startswith(("SELECT pg_", "SET CONSTRAINTS")):
        return False
    return name.startswith(("SELECT ", "SHOW ", "SET ")) and " FOR " not in name


def _read_or_write(text: str) -> str:
    """A query, or the first thing that a WITH writes."""
    if text[:4].upper() == "WITH" and (found := _WRITES_WITHIN.search(text)):
        verb, table = [group for group in found.groups() if group]
        return f"{verb.upper()} {table}"
    found = _FROM.search(text) or _FUNCTION.search(text)
    named = f"SELECT {found[1]}" if found else "SELECT"
    return f"{named} FOR UPDATE" if _LOCKS.search(text) else named


@dataclass(frozen=True)
class Message:
    """A message of the client: its bytes, and the name of the statement it is, if it is one."""

    raw: bytes
    name: str = ""
    kind: Literal["", "encryption", "data"] = ""


class ClientMessages:
    """What a client sends, message by message, from its first."""

    def __init__(self) -> None:
        self._buffer = b""
        self._started = False
        self._copied = ""

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are whole now."""
        self._buffer += data
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> Message | None:
        head = 1 if self._started else 0
        if len(self._buffer) < head + 4:
            return None
        size = head + int.from_bytes(self._buffer[head : head + 4], "big")
        if len(self._buffer) < size:
            return None
        raw, self._buffer = self._buffer[:size], self._buffer[size:]
        return self._typed(raw) if self._started else self._start(raw)

    def _start(self, raw: bytes) -> Message:
        code = int.from_bytes(raw[4:8], "big")
        if code in {SSL_REQUEST, GSS_REQUEST}:
            return Message(raw, kind="encryption")
        self._started = code != CANCEL_REQUEST
        return Message(raw)

    def _typed(self, raw: bytes) -> Message:
        if raw[:1] == b"Q":
            name = name_of(raw[5:-1].decode(errors="replace"))
            self._copied = name
            return Message(raw, name)
        if raw[:1] in {b"c", b"f"}:
            return Message(raw, f"{self._copied} {'DONE' if raw[:1] == b'c' else 'FAIL'}")
        return Message(raw, kind="data" if raw[:1] == b"d" else "")


class ServerMessages:
    """What a server sends; it knows when an answer is complete."""

    def __init__(self) -> None:
        self._buffer = b""

    def answered(self, data: bytes) -> bool:
        """Whether these bytes complete an answer."""
        self._buffer += data
        found = False
        while len(self._buffer) >= 5:
            size = 1 + int.from_bytes(self._buffer[1:5], "big")
            if len(self._buffer) < size:
                break
            found = found or self._buffer[0] in ANSWERED
            self._buffer = self._buffer[size:]
        return found
