"""Single values, read strictly: each reader gives the value, or says in words what it expected."""

import re
from enum import StrEnum

from config.security.keys import Key
from config.security.reading import Entries, Items, Scalar, Tree
from config.security.secrets import VARIABLE, looks_secret

WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?")
WORD = re.compile(r"[A-Za-z]{1,16}")
LONGEST_TEXT = 200
_KINDS = {"null": "nothing", "timestamp": "a date", "merge": "a merge key"}


class Unfit(Exception):
    """The value is not of its key's type or range. `str()` is what was expected."""


def describe(tree: Tree) -> str:
    """What was found, without quoting text: somebody may have pasted a secret."""
    if isinstance(tree, Entries):
        return "an object"
    if isinstance(tree, Items):
        return "a list"
    if found := _KINDS.get(tree.kind):
        return found
    if tree.kind in {"int", "float", "bool"}:
        return tree.text if len(tree.text) <= 20 else "a long number"
    return f"the text {tree.text}" if WORD.fullmatch(tree.text) else "a text"


def whole_number(tree: Tree, key: Key) -> int:
    """An integer within the key's bounds, in plain digits. Raises Unfit."""
    expected = f"a whole number from {key.low:,} to {key.high:,}".replace(",", "_")
    if not (isinstance(tree, Scalar) and tree.kind == "int" and WHOLE.fullmatch(tree.text)):
        raise Unfit(expected)
    if not key.low <= int(tree.text) <= key.high:
        raise Unfit(expected)
    return int(tree.text)


def number(tree: Tree, key: Key) -> float:
    """A finite number within the key's bounds, in plain digits. Raises Unfit."""
    expected = f"a number from {key.low} to {key.high}"
    if not (isinstance(tree, Scalar) and tree.kind in {"int", "float"} and NUMBER.fullmatch(tree.text)):
        raise Unfit(expected)
    if not key.low <= float(tree.text) <= key.high:
        raise Unfit(expected)
    return float(tree.text)


def truth(tree: Tree, _key: Key) -> bool:
    """true or false, in these words. Raises Unfit."""
    if isinstance(tree, Scalar) and tree.kind == "bool" and tree.text in {"true", "false"}:
        return tree.text == "true"
    raise Unfit("true or false")


def plain_text(tree: Tree, _key: Key) -> str:
    """A text of one line that is no credential. Raises Unfit."""
    if not (isinstance(tree, Scalar) and tree.kind == "str"):
        raise Unfit("a text")
    if looks_secret(tree.text):
        raise Unfit("a text that is no credential: secrets come from the environment")
    if not tree.text.strip() or len(tree.text) > LONGEST_TEXT or not tree.text.isprintable():
        raise Unfit(f"a text of one line, 1 to {LONGEST_TEXT} characters")
    return tree.text


def choice(tree: Tree, kind: type[StrEnum]) -> StrEnum:
    """One of a set of codes. Raises Unfit."""
    codes = {str(code): code for code in kind}
    if isinstance(tree, Scalar) and tree.kind == "str" and tree.text in codes:
        return codes[tree.text]
    raise Unfit(f"one of {', '.join(codes)}")


def variable(tree: Tree) -> str:
    """The name of an environment variable. Raises Unfit."""
    if isinstance(tree, Scalar) and tree.kind == "str" and VARIABLE.fullmatch(tree.text):
        return tree.text
    raise Unfit("the NAME of an environment variable, never the secret itself")
