"""docs/security-policy.md, written from the types and the shipped file: `python -m config.security.reference`."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from config.security.keys import Key
from config.security.loading import load
from config.security.secrets import Secret
from config.security.types import Security

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "security-policy.md"
FILE = "config/security.yaml"
INTRODUCTION = """# The security policy

<!-- Written by `python -m config.security.reference`; a test compares. -->

`config/security.yaml` holds the policy of this installation; `BOOKENTRY_SECURITY_FILE` names another file. It is read
once, at the start of each process: a change takes effect with a restart. Every key is required; an unknown, missing or
doubled key, a value of another type or range, and keys that contradict each other stop the start, all at once:

```
the security policy cannot be used:
config/security.yaml:73: encryption.rotation_days: found the text often, expected a whole number from 1 to 365
```

Secrets stand in the environment alone: the file names their variables, and nothing prints their values. In production
the secrets of all that is `enabled` must be set, and `encryption.provider: LOCAL` is refused.

A key marked with a room in the last column has no effect until that room reads it; it is checked all the same.
"""


def page() -> str:
    """The whole page."""
    shipped = load(ROOT / FILE, name=FILE, read_secret=lambda _name: "", production=False)
    return INTRODUCTION + "".join(_section(each.name, getattr(shipped, each.name)) for each in fields(Security))


def _section(name: str, value: Any) -> str:
    head = f"\n## {name}\n\n{_about(value)}| Key | Shipped | Meaning | Bounds | Waits for |\n|---|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in _rows(name, value))


def _about(value: Any) -> str:
    return f"{type(value).__doc__}\n\n" if is_dataclass(value) else "By service.\n\n"


def _rows(path: str, value: Any) -> Iterator[tuple[str, ...]]:
    """One row a key; objects in lists and by name are shown for each of them."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _rows(f"{path}.{name}", each)
        return
    hints = get_type_hints(type(value), include_extras=True)
    for each in fields(value):
        held, where = getattr(value, each.name), f"{path}.{each.name}"
        if (is_dataclass(held) and not isinstance(held, Secret)) or isinstance(held, Mapping):
            yield from _rows(where, held)
        elif isinstance(held, tuple) and held and is_dataclass(held[0]) and not isinstance(held[0], Secret):
            for index, item in enumerate(held):
                yield from _rows(f"{where}.{index}", item)
        else:
            yield _row(where, held, hints[each.name])


def _row(path: str, value: Any, hint: Any) -> tuple[str, ...]:
    kind, key = get_args(hint) if hasattr(hint, "__metadata__") else (hint, Key(""))
    return f"`{path}`", f"`{_shown(value)}`", key.doc, _bounds(kind, key), key.waits_for


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _bounds(kind: Any, key: Key) -> str:
    if kind in {int, float}:
        return f"{key.low:g} to {key.high:.12g}"
    if get_origin(kind) is tuple:
        codes = _bounds(get_args(kind)[0], key)
        return f"{key.low} to {key.high}" + (f" of {codes}" if codes else "")
    return ", ".join(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else ""


if __name__ == "__main__":
    PAGE.write_text(page())
    os.write(1, f"{PAGE.relative_to(ROOT)} written\n".encode())
