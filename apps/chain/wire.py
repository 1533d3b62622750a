"""Headers and logs as a node writes them, read strictly: what does not fit is an incomplete answer, not a guess."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.chain.errors import IncompleteAnswer

HASH, ADDRESS, BYTES = "0x[0-9a-f]{64}", "0x[0-9a-f]{40}", "0x([0-9a-f]{2})*"
# Block, transaction, contract, at most four topics, data.
LOG = re.compile(rf"{HASH}{HASH}{ADDRESS}({HASH}){{0,4}}\|{BYTES}")


@dataclass(frozen=True, slots=True)
class Header:
    """A block header. `timestamp` is in seconds, `bloom` a 2048-bit integer."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    state_root: str
    receipts_root: str
    bloom: int


@dataclass(frozen=True, slots=True)
class WireLog:
    """A log of a mined block."""

    block_number: int
    block_hash: str
    log_index: int
    tx_hash: str
    tx_index: int
    address: str
    topics: tuple[str, ...]
    data: str


def read_header(answer: Any) -> Header:
    """A header from eth_getBlockByNumber or ByHash. Raises IncompleteAnswer where there is none."""
    try:
        return Header(
            number=int(answer["number"], 16),
            hash=answer["hash"].lower(),
            parent_hash=answer["parentHash"].lower(),
            timestamp=int(answer["timestamp"], 16),
            state_root=answer["stateRoot"].lower(),
            receipts_root=answer["receiptsRoot"].lower(),
            bloom=int(answer["logsBloom"], 16),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise IncompleteAnswer(what="header") from None


def read_log(answer: Mapping[str, Any]) -> WireLog:
    """A log from eth_getLogs or a receipt. Raises IncompleteAnswer for a removed, pending or malformed one."""
    try:
        if answer.get("removed"):
            raise IncompleteAnswer(what="removed log")
        log = WireLog(
            block_number=int(answer["blockNumber"], 16),
            block_hash=answer["blockHash"].lower(),
            log_index=int(answer["logIndex"], 16),
            tx_hash=answer["transactionHash"].lower(),
            tx_index=int(answer["transactionIndex"], 16),
            address=answer["address"].lower(),
            topics=tuple(topic.lower() for topic in answer["topics"]),
            data=answer["data"].lower(),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise IncompleteAnswer(what="log") from None
    texts = f"{log.block_hash}{log.tx_hash}{log.address}{''.join(log.topics)}|{log.data}"
    if not LOG.fullmatch(texts) or not {len(topic) for topic in log.topics} <= {len(log.tx_hash)}:
        raise IncompleteAnswer(what="log")
    return log
