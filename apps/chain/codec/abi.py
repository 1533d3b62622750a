"""What an event's topics and data say, read strictly: one value has one encoding, all else is Undecodable. Pure.

Source: Solidity's ABI specification, "Strict encoding mode": dynamic values follow the heads in their order, without
gap or overlap, padded with zeros. Solidity and Vyper write nothing else, so what differs is no such event.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apps.chain.codec.signatures import Parameter, Signature
from apps.chain.types.events import Scalar, Value

WORD = 32
ADDRESS_PAD = bytes(12)

# A value of one word, at a place. A dynamic value, and where what follows it begins.
Word = Callable[[bytes, int], Scalar]
Tail = Callable[[bytes, int], tuple[Value, int]]


class Undecodable(ValueError):
    """A log with a known topic whose words do not fit the event."""


def bytes_of(text: str) -> bytes:
    """The bytes of 0x and hex digits. Raises Undecodable."""
    try:
        raw = bytes.fromhex(text[2:])
    except ValueError:
        raise Undecodable("not hex digits") from None
    # fromhex() skips white space: the length tells.
    if len(text) != 2 + 2 * len(raw) or text[:2] != "0x":
        raise Undecodable("not hex digits")
    return raw


def _address(raw: bytes, at: int) -> str:
    if raw[at : at + 12] != ADDRESS_PAD:
        raise Undecodable("an address with more than 20 bytes")
    return "0x" + raw[at + 12 : at + WORD].hex()


def _uint256(raw: bytes, at: int) -> int:
    return int.from_bytes(raw[at : at + WORD], "big")


def _bool(raw: bytes, at: int) -> bool:
    value = _uint256(raw, at)
    if value > 1:
        raise Undecodable("a bool that is neither 0 nor 1")
    return value == 1


def _bytes32(raw: bytes, at: int) -> str:
    return "0x" + raw[at : at + WORD].hex()


def _uint(bits: int) -> Word:
    def read(raw: bytes, at: int) -> int:
        value = _uint256(raw, at)
        if value >> bits:
            raise Undecodable(f"a uint{bits} with more than {bits} bits")
        return value

    return read


def _fixed_bytes(size: int) -> Word:
    def read(raw: bytes, at: int) -> str:
        if any(raw[at + size : at + WORD]):
            raise Undecodable(f"a bytes{size} with more than {size} bytes")
        return "0x" + raw[at : at + size].hex()

    return read


def _content(raw: bytes, at: int) -> tuple[bytes, int]:
    """Bytes after their length, and where their padding ends."""
    if at + WORD > len(raw):
        raise Undecodable("a dynamic value that starts past the end of the data")
    start = at + WORD
    end = start + _uint256(raw, at)
    padded = end + -end % WORD
    if padded > len(raw):
        raise Undecodable("a dynamic value that ends past the end of the data")
    if any(raw[end:padded]):
        raise Undecodable("padding that is not zero")
    return raw[start:end], padded


def _bytes(raw: bytes, at: int) -> tuple[str, int]:
    content, end = _content(raw, at)
    return "0x" + content.hex(), end


def _string(raw: bytes, at: int) -> tuple[str, int]:
    content, end = _content(raw, at)
    try:
        return content.decode(), end
    except UnicodeDecodeError:
        raise Undecodable("a string that is not UTF-8") from None


def _array(word: Word) -> Tail:
    def read(raw: bytes, at: int) -> tuple[Value, int]:
        if at + WORD > len(raw):
            raise Undecodable("an array that starts past the end of the data")
        start = at + WORD
        end = start + _uint256(raw, at) * WORD
        if end > len(raw):
            raise Undecodable("an array that ends past the end of the data")
        return tuple(word(raw, place) for place in range(start, end, WORD)), end

    return read


WORDS: dict[str, Word] = {"address": _address, "bool": _bool, "uint256": _uint256, "bytes32": _bytes32}
WORDS |= {f"uint{bits}": _uint(bits) for bits in range(8, 256, 8)}
WORDS |= {f"bytes{size}": _fixed_bytes(size) for size in range(1, WORD)}
TAILS: dict[str, Tail] = {"bytes": _bytes, "string": _string}
TAILS |= {f"{name}[]": _array(word) for name, word in WORDS.items()}
_HASHED = re.compile(r"bytes|string|\(.*\)|.*\[\]")


@dataclass(frozen=True, slots=True)
class Shape:
    """Where an event's fields stand: in a topic, or in a word of the data's head (a dynamic one's offset)."""

    topics: tuple[tuple[str, Word], ...]
    heads: tuple[tuple[str, Word | None, Tail | None], ...]

    @classmethod
    def of(cls, signature: Signature) -> "Shape":
        """The shape of a declared event. Raises KeyError for a type no event of ours has."""
        return cls(
            tuple((each.name, _topic(each)) for each in signature.parameters if each.indexed),
            tuple(
                (each.name, WORDS.get(each.type), None if each.type in WORDS else TAILS[each.type])
                for each in signature.parameters
                if not each.indexed
            ),
        )

    def read(self, topics: Sequence[str], data: str) -> dict[str, Value]:
        """The fields by name. Raises Undecodable."""
        if len(topics) != len(self.topics) + 1:
            raise Undecodable(f"{len(topics)} topics where the event has {len(self.topics) + 1}")
        fields: dict[str, Value] = {}
        for (name, word), topic in zip(self.topics, topics[1:], strict=True):
            raw = bytes_of(topic)
            if len(raw) != WORD:
                raise Undecodable(f"a topic of {len(raw)} bytes")
            fields[name] = word(raw, 0)
        return self._read_data(bytes_of(data), fields)

    def _read_data(self, raw: bytes, fields: dict[str, Value]) -> dict[str, Value]:
        end = len(self.heads) * WORD
        if len(raw) < end:
            raise Undecodable(f"{len(raw)} bytes of data where the event has at least {end}")
        at = 0
        for name, word, tail in self.heads:
            if word:
                fields[name] = word(raw, at)
            elif tail:
                if _uint256(raw, at) != end:
                    raise Undecodable("an offset that does not point to where the value must be")
                fields[name], end = tail(raw, end)
            at += WORD
        if end != len(raw):
            raise Undecodable(f"{len(raw)} bytes of data where the event has {end}")
        return fields


def _topic(parameter: Parameter) -> Word:
    """Of what is longer than a word, a topic holds the keccak."""
    return _bytes32 if _HASHED.fullmatch(parameter.type) else WORDS[parameter.type]
