"""From the tree to the types: every key once, none unknown, none missing. All problems are collected."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

from config.security import scalars
from config.security.keys import Key
from config.security.reading import Entries, Items, Tree
from config.security.scalars import Unfit, describe
from config.security.secrets import Secret, looks_secret

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
READERS: Mapping[type, Callable[[Tree, Key], Any]] = {
    int: scalars.whole_number,
    float: scalars.number,
    bool: scalars.truth,
    str: scalars.plain_text,
}
MISSING = object()


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend."""

    line: int
    key: str
    found: str
    expected: str


@dataclass(slots=True)
class Binder:
    """Reads one file for one environment."""

    read_secret: Callable[[str], str]
    production: bool
    problems: list[Problem] = field(default_factory=list)
    _lines: dict[str, int] = field(default_factory=dict)

    def bind(self, tree: Tree, kind: Any, path: str, key: Key = Key("")) -> Any:  # noqa: B008 (frozen)
        """The value of `kind`, or MISSING where a problem was noted."""
        kind, key = _unwrapped(kind, key)
        self._lines.setdefault(path, tree.line)
        try:
            if is_dataclass(kind) and kind is not Secret:
                return self._object(tree, kind, path)
            if get_origin(kind) is tuple:
                return self._list(tree, kind, path, key)
            if get_origin(kind) in {Mapping, dict}:
                return self._named(tree, kind, path)
            return self._scalar(tree, kind, key)
        except Unfit as unfit:
            self._note(tree.line, path, describe(tree), str(unfit))
            return MISSING

    def line_of(self, path: str) -> int:
        """Where a key stands."""
        return self._lines.get(path, 1)

    def _scalar(self, tree: Tree, kind: Any, key: Key) -> Any:
        if kind is Secret:
            name = scalars.variable(tree)
            return Secret(name, self.read_secret(name))
        if issubclass(kind, StrEnum):
            return scalars.choice(tree, kind)
        return READERS[kind](tree, key)

    def _object(self, tree: Tree, kind: Any, path: str) -> Any:
        hints = _hints(kind)
        found = self._entries(tree, path, [each.name for each in fields(kind)])
        missing = [name for name in hints if name not in found]
        for name in missing:
            self._note(tree.line, _join(path, name), "nothing", _said(hints[name]))
        values = {
            name: self.bind(found[name], hint, _join(path, name)) for name, hint in hints.items() if name in found
        }
        if missing or MISSING in values.values():
            return MISSING
        return self._agreed(kind(**values), path)

    def _agreed(self, value: Any, path: str) -> Any:
        """The object, if its keys do not contradict each other or the environment."""
        before = len(self.problems)
        for conflict in value.conflicts() if hasattr(value, "conflicts") else ():
            key = _join(path, conflict.key)
            self._note(self._lines.get(key, self.line_of(path)), key, conflict.found, conflict.expected)
        if self.production and getattr(value, "enabled", False):
            self._require_secrets(value, path)
        return value if len(self.problems) == before else MISSING

    def _require_secrets(self, value: Any, path: str) -> None:
        kind: Any = type(value)
        hints = _hints(kind)
        for name in hints:
            held = getattr(value, name)
            for secret in held if isinstance(held, tuple) else (held,):
                if isinstance(secret, Secret) and not secret.is_set and not _unwrapped(hints[name])[1].may_be_unset:
                    key = _join(path, name)
                    self._note(self._lines[key], key, f"{secret}, which is not set", "it set, or enabled: false")

    def _list(self, tree: Tree, kind: Any, path: str, key: Key) -> Any:
        if not isinstance(tree, Items):
            raise Unfit("a list")
        if not key.low <= len(tree.items) <= key.high:
            raise Unfit(f"a list of {key.low} to {key.high}")
        (each, _ellipsis) = get_args(kind)
        items = tuple(self.bind(item, each, _join(path, str(index))) for index, item in enumerate(tree.items))
        return MISSING if MISSING in items else items

    def _named(self, tree: Tree, kind: Any, path: str) -> Any:
        found = self._entries(tree, path)
        values = {name: self.bind(each, get_args(kind)[1], _join(path, name)) for name, each in found.items()}
        if not values:
            raise Unfit("an object with one entry or more")
        return MISSING if MISSING in values.values() else MappingProxyType(values)

    def _entries(self, tree: Tree, path: str, known: Sequence[str] = ()) -> dict[str, Tree]:
        """By key; those unknown, written twice or unreadable become problems."""
        if not isinstance(tree, Entries):
            raise Unfit("an object")
        found: dict[str, Tree] = {}
        for key, value in tree.entries:
            readable = key.kind == "str" and NAME.fullmatch(key.text) and not looks_secret(key.text)
            name = _join(path, key.text) if readable else _join(path, "?")
            if not readable or (known and key.text not in known):
                self._note(key.line, name, "an unknown key", f"one of {', '.join(known)}" if known else "a name")
            elif key.text in found:
                self._note(key.line, name, "a key written twice", "each key once")
            else:
                found[key.text] = value
                self._lines[name] = key.line
        return found

    def _note(self, line: int, key: str, found: str, expected: str) -> None:
        self.problems.append(Problem(line, key, found, expected))


def _unwrapped(kind: Any, key: Key = Key("")) -> tuple[Any, Key]:  # noqa: B008 (frozen)
    """The type and the Key of `Annotated[type, Key]`."""
    if not hasattr(kind, "__metadata__"):
        return kind, key
    return kind.__origin__, next((each for each in kind.__metadata__ if isinstance(each, Key)), key)


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _said(kind: Any) -> str:
    """What a missing key would hold."""
    return _unwrapped(kind)[1].doc or "its keys"
