"""The file as a tree of nodes that know their lines. Of YAML only what cannot be misread is taken."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.tokens import AliasToken, AnchorToken, DirectiveToken, TagToken

LARGEST = 256 * 1024
MOST_BRACKETS = 500
PREFIX = "tag:yaml.org,2002:"
_ODD = {
    AnchorToken: "an anchor",
    AliasToken: "an alias",
    TagToken: "a tag",
    DirectiveToken: "a directive",
}


class Unreadable(Exception):
    """The text is not the YAML we take. Holds the line, what was found and what was expected."""

    def __init__(self, line: int, found: str, expected: str) -> None:
        super().__init__(found)
        self.line, self.found, self.expected = line, found, expected


@dataclass(frozen=True, slots=True)
class Scalar:
    """A word as it stands, and what YAML takes it for: str, int, float, bool, null, timestamp."""

    line: int
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    items: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """Keys with their lines; a key may stand twice, which is for the reader to refuse."""

    line: int
    entries: tuple[tuple[Scalar, "Tree"], ...]


Tree = Scalar | Items | Entries


def read_tree(content: bytes) -> Tree:
    """The one document of a file. Raises Unreadable."""
    if len(content) > LARGEST:
        raise Unreadable(1, f"{len(content)} bytes", f"at most {LARGEST}")
    try:
        text = content.decode("utf-8")
        _refuse_odd(text)
        node = YAML(typ="safe", pure=True).compose(text)
        if node is None:
            raise Unreadable(1, "an empty file", "the sections of the policy")
        return _tree(node)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Unreadable(line, "bytes that are not UTF-8", "UTF-8 text") from None
    except RecursionError:
        raise Unreadable(1, "too many levels", "the few levels of the policy") from None
    except MarkedYAMLError as error:
        # Only the line is kept: the parser's text quotes the file.
        mark = error.problem_mark or error.context_mark
        raise Unreadable(mark.line + 1 if mark else 1, "text that is not YAML", "`key: value` in YAML") from None
    except (YAMLError, ValueError):
        raise Unreadable(1, "text that is not YAML", "`key: value` in YAML") from None


def _refuse_odd(text: str) -> None:
    """What makes YAML say other than it shows. Brackets first: the scanner's time grows with their square."""
    if text.count("[") + text.count("{") > MOST_BRACKETS:
        raise RecursionError
    for token in YAML(typ="safe", pure=True).scan(text):
        if found := _ODD.get(type(token)):
            raise Unreadable(token.start_mark.line + 1, found, "plain keys and values")


def _tree(node: Node) -> Tree:
    line = node.start_mark.line + 1
    if isinstance(node, MappingNode):
        return Entries(line, tuple(_entries(node)))
    if isinstance(node, SequenceNode):
        return Items(line, tuple(_tree(item) for item in node.value))
    return _scalar(node)


def _entries(node: MappingNode) -> Iterator[tuple[Scalar, Tree]]:
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise Unreadable(key.start_mark.line + 1, "a key that is a list or an object", "a name")
        name, tree = _scalar(key), _tree(value)
        # Where nothing follows the colon, YAML's mark is already on the next line.
        yield name, replace(tree, line=name.line) if isinstance(tree, Scalar) and not tree.text else tree


def _scalar(node: Node) -> Scalar:
    return Scalar(node.start_mark.line + 1, str(node.value), str(node.tag).removeprefix(PREFIX))
