"""The words of real endpoints, and what they mean."""

import pytest

from apps.chain.errors import RpcError
from apps.chain.refusals import Hint, Refusal, hint, read

ALCHEMY = (
    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the "
    "response size, or you can request any block range with a cap of 10K logs in the response. Based on your "
    "parameters and the response size limit, this block range should work: [0xc5dc00, 0xc614a7]"
)
FREE = (
    "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your "
    "parameters, this block range should work: [0x1180fca, 0x1180fd3]. Upgrade to PAYG for expanded block range."
)
NARROWER = [
    ("Alchemy", -32602, ALCHEMY, Hint(0x38A8, lasting=False)),
    ("Alchemy, free", -32600, FREE, Hint(10, lasting=False)),
    ("Alchemy, words alone", -32600, "You can make eth_getLogs requests with up to a 2K block range",
     Hint(2_000, lasting=True)),
    ("Alchemy, slow", -32000, "Query timeout exceeded. This block range should work: [0x5223c98, 0x5223e80]",
     Hint(489, lasting=False)),
    ("Infura, results", -32005, "query returned more than 10000 results. Try with this block range [0xCB3D, 0xCB40].",
     Hint(4, lasting=False)),
    ("Infura, range", -32602, "range 1000000 exceeds limit of 10000", Hint(10_000, lasting=True)),
    ("QuickNode", -32614, "eth_getLogs is limited to a 10,000 range", Hint(10_000, lasting=True)),
    ("QuickNode, free", -32614, "eth_getLogs is limited to a 5 range", Hint(5, lasting=True)),
    ("reth, range", -32602, "query exceeds max block range 100000", Hint(100_000, lasting=True)),
    ("reth, results", -32602, "query exceeds max results 20000, retry with the range 25766988-25766990",
     Hint(3, lasting=False)),
    ("besu", -32005, "Requested range exceeds maximum RPC range limit", None),
    ("erigon", -32005, "block range too large, max range: 1000", Hint(1_000, lasting=True)),
    ("geth", -32000, "logs matched by query exceeds limit of 10000", None),
    ("geth, batch", -32003, "response too large", None),
    ("bsc", -32000, "exceed maximum block range: 5000", Hint(5_000, lasting=True)),
    ("PublicNode", -32701, "exceed maximum block range: 50000", Hint(50_000, lasting=True)),
    ("morph", -32000, "block range is larger than max block range, block range = 5120, max block range = 5000",
     Hint(5_000, lasting=True)),
    ("dRPC", 35, "ranges over 10000 blocks are not supported on freetier", Hint(10_000, lasting=True)),
    ("1RPC", -32000, "eth_getLogs is limited to 0 - 10000 blocks range", Hint(10_000, lasting=True)),
    ("frontier", -32603, "block range is too wide (maximum 1024)", Hint(1_024, lasting=True)),
    ("SimplyVC", -32000, "too wide blocks range, the limit is 100", Hint(100, lasting=True)),
    ("scroll", -32000, "block range is bigger than maxBlockRange", None),
    ("a timeout", -32002, "request timed out", None),
    ("any limit", -32005, "limit exceeded", None),
]  # fmt: skip


class TestWords:
    @pytest.mark.parametrize(("who", "code", "message", "found"), NARROWER)
    def test_of_too_much_say_how_much_is_not(self, who: str, code: int, message: str, found: Hint | None) -> None:
        error = RpcError(code, message)
        assert read(error) is Refusal.TOO_MUCH
        assert hint(error) == found

    def test_are_also_read_from_the_data_beside_them(self) -> None:
        error = RpcError(-32602, "invalid params", {"payload": "range 9009594 is bigger than range limit 2000"})
        assert (read(error), hint(error)) == (Refusal.TOO_MUCH, Hint(2_000, lasting=True))

    @pytest.mark.parametrize(
        ("code", "message", "meaning"),
        [
            (429, "Your app has exceeded its compute units per second capacity", Refusal.RATE),
            (-32005, "daily request count exceeded, request rate limited", Refusal.RATE),
            (-32029, "Too Many Requests", Refusal.RATE),
            (-32601, "the method eth_getBlockReceipts does not exist/is not available", Refusal.METHOD),
            (-32000, "Method eth_getBlockReceipts is not supported", Refusal.METHOD),
            (-32004, "", Refusal.METHOD),
            (-32000, "missing trie node 12ab (path 0)", Refusal.PRUNED),
            (4444, "pruned history unavailable", Refusal.PRUNED),
            (-32602, "Archive requests require a personal token", Refusal.PRUNED),
            (-32602, "invalid argument 0: hex string has length 3", Refusal.OTHER),
            (-32000, "unknown block", Refusal.BEYOND),
            (-32602, "BlockOutOfRangeError: block height is 4 but requested was 9", Refusal.BEYOND),
            (-32602, "exceed max addresses or topics per search position", Refusal.OTHER),
            (-32603, "internal error", Refusal.OTHER),
            (0, "", Refusal.OTHER),
        ],
    )
    def test_of_other_refusals_are_no_hint(self, code: int, message: str, meaning: Refusal) -> None:
        assert read(RpcError(code, message)) is meaning
        assert hint(RpcError(code, message)) is None

    @pytest.mark.parametrize(
        "message", ["[0x10, 0x1]", "with the range 5-1", "max block range 0", "eth_getLogs is limited to a 0 range"]
    )
    def test_that_leave_no_block_are_no_hint(self, message: str) -> None:
        assert hint(RpcError(-32005, message)) is None
