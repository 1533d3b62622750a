"""Calls of aggregate3 and their answers, in hex: written from a template, read at fixed offsets.

Multicall3's ABI: aggregate3((address target, bool allowFailure, bytes callData)[]) gives (bool success, bytes data)[].
All calls here go to one contract, ask one function, and have one address for their argument.

Only the encoding that Solidity writes is read: no gap, no overlap, no other order. An answer with two rows swapped has
the same shape as the true one: nothing in it tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

AGGREGATE3 = "0x82ad56cb"
ADDRESS = 42  # characters, with 0x
WORD = 32
_CALL_WORDS = 6  # target, allowFailure, where the call's bytes begin, how many, and the bytes in two words
_CALL_BYTES = 36  # selector and one argument
_ROW = 4 * WORD  # of an answer of one word: success, where the bytes begin, how many, the word
_BYTES_AT = 2 * WORD  # in a row, from its beginning


class Malformed(ValueError):
    """The answer is not what aggregate3 returns for so many calls: none of it is believed."""


@dataclass(frozen=True, slots=True)
class Answers:
    """One entry for each call, in order: its word, or None where it failed or answered anything but one word.

    `failed` are the places of those that failed.
    """

    words: list[int | None]
    failed: list[int]


def aggregate3(target: str, selector: str, addresses: Sequence[str]) -> str:
    """The call that asks `target` for `selector(address)` of each address, each of which may fail. All are 0x texts.

    Raises ValueError for an address of another length: it would shift all that follow.
    """
    if {*map(len, addresses)} - {ADDRESS}:
        raise ValueError("an address has 42 characters")
    before, after = _around(target, selector)
    return _head(len(addresses)) + "".join([before + address[2:] + after for address in addresses])


def read_words(answer: object, calls: int) -> Answers:
    """What aggregate3 answered to so many calls. Raises Malformed."""
    raw = _raw(answer)
    if raw[: 2 * WORD] != _word(WORD) + _word(calls):
        raise Malformed("another number of answers than of calls")
    return _uniform(raw, calls) or _any(raw, calls)


def _raw(answer: object) -> bytes:
    if not isinstance(answer, str) or answer[:2] != "0x":
        raise Malformed("not a 0x text")
    try:
        raw = bytes.fromhex(answer[2:])
    except ValueError:
        raise Malformed("not hexadecimal") from None
    if len(answer) != 2 + 2 * len(raw):  # `fromhex` skips spaces
        raise Malformed("not hexadecimal")
    return raw


def _uniform(raw: bytes, calls: int) -> Answers | None:
    """The answers, where all calls succeeded with one word each; None otherwise."""
    start = (2 + calls) * WORD
    if len(raw) != start + calls * _ROW or raw[2 * WORD : start] != _offsets(calls):
        return None
    frame, words = raw[start : start + _ROW - WORD], []
    if frame != _word(1) + _word(_BYTES_AT) + _word(WORD):
        return None
    for at in range(start, len(raw), _ROW):
        if raw[at : at + _ROW - WORD] != frame:
            return None
        words.append(int.from_bytes(raw[at + _ROW - WORD : at + _ROW], "big"))
    return Answers(words, [])  # type: ignore[arg-type]  # a list of integers is one of integers and Nones


def _any(raw: bytes, calls: int) -> Answers:
    """The answers of whatever lengths, each where the one before it ends."""
    found = Answers([], [])
    at = (2 + calls) * WORD
    for index in range(calls):
        if _number(raw, (2 + index) * WORD) + 2 * WORD != at:
            raise Malformed("a row is not where it should begin")
        success, length = _number(raw, at), _number(raw, at + 2 * WORD)
        begin = at + 3 * WORD
        at = begin + -(-length // WORD) * WORD
        if success > 1 or _number(raw, begin - 2 * WORD) != _BYTES_AT or at > len(raw):
            raise Malformed("a row is not a result")
        if any(raw[begin + length : at]):
            raise Malformed("a row is padded with something")
        one_word = success == 1 and length == WORD
        found.words.append(_number(raw, begin) if one_word else None)
        if not success:
            found.failed.append(index)
    if at != len(raw):
        raise Malformed("there is more than the rows")
    return found


def _number(raw: bytes, at: int) -> int:
    if at + WORD > len(raw):
        raise Malformed("it ends too early")
    return int.from_bytes(raw[at : at + WORD], "big")


def _word(number: int) -> bytes:
    return number.to_bytes(WORD, "big")


@lru_cache(maxsize=8)
def _head(calls: int) -> str:
    """Selector, where the list begins, its length, and where each call is, counted from behind the length."""
    places = (WORD * (calls + _CALL_WORDS * number) for number in range(calls))
    return AGGREGATE3 + b"".join(map(_word, (WORD, calls, *places))).hex()


@lru_cache(maxsize=8)
def _offsets(calls: int) -> bytes:
    """Where each row begins in an answer of one word each, counted from behind the length."""
    return b"".join([_word(WORD * calls + _ROW * number) for number in range(calls)])


def _around(target: str, selector: str) -> tuple[str, str]:
    """What stands before and behind the address in one call."""
    head = target[2:].rjust(2 * WORD, "0") + b"".join(map(_word, (1, 3 * WORD, _CALL_BYTES))).hex()
    padding = 2 * (2 * WORD - _CALL_BYTES)
    return head + selector[2:] + "0" * 24, "0" * padding
