"""How nodes and providers say that a question was too wide: their own words, as seen in public reports."""

from dataclasses import dataclass
from typing import Any

# limit: what is allowed; span: what was asked; first, last: blocks that would do, 0x text; d_*: the same in digits.
_ALCHEMY_WORKS = "this block range should work: [{first}, {last}]"


@dataclass(frozen=True)
class Words:
    """A code and a text; `data` is sent along with it."""

    code: int
    text: str
    data: dict[str, str] | None = None

    def error(self, *, limit: int, span: int, first: int, last: int) -> dict[str, Any]:
        """The error member of an answer."""
        known = {"limit": limit, "span": span, "first": hex(first), "last": hex(last), "d_first": first, "d_last": last}
        error: dict[str, Any] = {"code": self.code, "message": self.text.format(**known)}
        if self.data is not None:
            error["data"] = {key: value.format(**known) for key, value in self.data.items()} | {"limit": limit}
        return error


@dataclass(frozen=True)
class Wording:
    """What one kind of node says of too many blocks, and of too many logs; None where it knows no such limit."""

    blocks: Words | None
    logs: Words | None


WORDINGS = {
    "geth": Wording(
        Words(-32000, "exceed maximum block range: {limit}"),
        Words(-32005, "query returned more than {limit} results"),
    ),
    "infura": Wording(
        Words(-32602, "range {span} exceeds limit of {limit}"),
        Words(
            -32005,
            "query returned more than {limit} results. Try with this block range [{first}, {last}].",
            {"from": "{first}", "to": "{last}"},
        ),
    ),
    "alchemy": Wording(
        Words(
            -32600,
            "You can make eth_getLogs requests with up to a {limit} block range. Based on your parameters, "
            + _ALCHEMY_WORKS,
        ),
        Words(
            -32602,
            "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on "
            "the response size, or you can request any block range with a cap of 10K logs in the response. Based on "
            "your parameters and the response size limit, " + _ALCHEMY_WORKS,
        ),
    ),
    "alchemy-free": Wording(
        Words(
            -32600,
            "Under the Free tier plan, you can make eth_getLogs requests with up to a {limit} block range. Based on "
            "your parameters, " + _ALCHEMY_WORKS + ". Upgrade to PAYG for expanded block range.",
        ),
        None,
    ),
    "alchemy-timeout": Wording(
        None,
        Words(
            -32000,
            "Query timeout exceeded. Consider reducing your block range. Based on your parameters and the response "
            "size limit, " + _ALCHEMY_WORKS,
        ),
    ),
    "quicknode": Wording(Words(-32614, "eth_getLogs is limited to a {limit:,} range"), None),
    "erigon": Wording(
        Words(-32602, "query block range exceeds server limit, narrow your filter: {limit}"),
        Words(-32602, "query returns too many logs, narrow your filter: {limit}"),
    ),
    "besu": Wording(Words(-32005, "Requested range exceeds maximum RPC range limit"), None),
    "reth": Wording(
        Words(-32602, "query exceeds max block range {limit}"),
        Words(-32602, "query exceeds max results {limit}, retry with the range {d_first}-{d_last}"),
    ),
    "nethermind": Wording(None, Words(-32005, "Too many logs requested. Max logs per response is {limit}.")),
}
