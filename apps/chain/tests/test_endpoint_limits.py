"""What a node takes in one question, read out of the words with which it refuses more."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.chain.endpoints.limits import (
    ANSWER_BYTES,
    GROWS_AFTER,
    LEAST_ANSWER_BYTES,
    Limits,
    Refusal,
    hint_of,
    refusal_of,
)
from apps.chain.errors import RpcError
from apps.core import clock

# As vendors word it: (message, blocks it offers where 5,000 were tried).
WORDINGS = [
    ("Query returned more than 10000 results. Try with this block range [0x1b4, 0x1d9].", 0x1D9 - 0x1B4 + 1),
    ("query returned more than 10000 results", None),
    ("Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range", 2_000),
    ("eth_getLogs is limited to a 1,000 range", 1_000),
    ("eth_getLogs is limited to 1024 blocks", 1_024),
    ("block range is too wide (maximum 100)", 100),
    ("exceed maximum block range: 500", 500),
    ("requested too many blocks from 5 to 5005, maximum is set to 2048", 2_048),
    ("query exceeds max results 20000, retry with the range 436-473", 38),
    ("Requested range exceeds maximum RPC range limit", None),
    ("please limit the query to at most 800 blocks", 800),
    ("block range extends beyond 9000 blocks", None),
    ("ranges over 10000 blocks are not supported", None),
    ("", None),
]


class TestHints:
    @pytest.mark.parametrize(("message", "blocks"), WORDINGS)
    def test_are_read_as_vendors_word_them(self, message: str, blocks: int | None) -> None:
        assert hint_of(message, 5_000) == blocks

    @given(st.text(max_size=200) | st.from_regex(r"range \[0x[0-9a-f]{1,20}, 0x[0-9a-f]{1,20}\] \d{0,15}k? block"))
    def test_never_raise_and_never_offer_as_much_as_was_refused(self, message: str) -> None:
        offered = hint_of(message, 100)
        assert offered is None or 1 <= offered < 100


class TestRefusals:
    @pytest.mark.parametrize(
        ("code", "message", "expected"),
        [
            (-32005, "query returned more than 10000 results", Refusal.TOO_WIDE),
            (-32602, "eth_getLogs is limited to a 10,000 range", Refusal.TOO_WIDE),
            (-32000, "query timeout exceeded", Refusal.TOO_WIDE),
            (-32603, "no idea", Refusal.TOO_WIDE),
            (-32000, "history has been pruned", Refusal.PRUNED),
            (4444, "pruned history unavailable", Refusal.PRUNED),
            (-32005, "daily request limit reached", Refusal.RATE),
            (429, "Too Many Requests", Refusal.RATE),
            (-32602, "BlockOutOfRangeError: block height is 4 but requested was 9", Refusal.OUT_OF_RANGE),
            (-32601, "the method eth_getLogs does not exist", Refusal.CANNOT),
            (-32602, "invalid argument 0: hex string", Refusal.CANNOT),
        ],
    )
    def test_are_told_apart(self, code: int, message: str, expected: Refusal) -> None:
        assert refusal_of(RpcError(code, message)) is expected


def asked(limits: Limits, blocks: int, answer: object, first: int = 0) -> Refusal | None:
    span = {"fromBlock": hex(first), "toBlock": hex(first + blocks - 1)}
    return limits.learn(("eth_getLogs", (span,)), answer)


class TestLimits:
    def test_take_the_hint_and_keep_below_it_for_an_hour(self) -> None:
        limits = Limits()
        asked(limits, 2_000, RpcError(-32005, "eth_getLogs is limited to a 500 range"))
        assert (limits.blocks, limits.hint, limits.changed) == (500, 500, {"blocks", "hint", "hinted_at"})
        for _ in range(3 * GROWS_AFTER):
            asked(limits, 500, [])
        assert limits.blocks == 500
        limits.hinted_at = clock.now() - timedelta(hours=1, seconds=1)
        for _ in range(GROWS_AFTER):
            asked(limits, 500, [])
        assert limits.blocks == 550

    def test_halve_where_there_is_no_hint(self) -> None:
        limits = Limits()
        asked(limits, 1_000, RpcError(-32005, "query returned more than 10000 results"))
        limits.halve(1_000)  # the fetching code's own, which must not halve once more
        assert limits.blocks == 500
        asked(limits, 1, RpcError(-32005, "query returned more than 10000 results"))
        assert limits.blocks == 1

    def test_do_not_grow_while_little_is_asked(self) -> None:
        limits = Limits(blocks=100)
        for _ in range(5 * GROWS_AFTER):
            asked(limits, 1, [])
            limits.grow()
        assert limits.blocks == 100

    def test_do_not_shrink_for_what_a_smaller_range_would_not_mend(self) -> None:
        limits = Limits()
        for code, words in ((-32601, "no such method"), (-32602, "invalid argument"), (-32000, "history is pruned")):
            asked(limits, 2_000, RpcError(code, words), first=70)
        assert limits.blocks == 2_000
        assert limits.oldest_block == 71
        assert limits.capabilities == {"eth_getLogs": False}

    def test_aim_at_shorter_answers_down_to_a_least(self) -> None:
        limits = Limits()
        limits.too_much()
        assert limits.answer_bytes == ANSWER_BYTES // 2
        for _ in range(20):
            limits.too_much()
        assert limits.answer_bytes == LEAST_ANSWER_BYTES
