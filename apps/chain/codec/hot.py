"""The hot path: Transfer(address indexed, address indexed, uint256), by fixed places in its text. Pure.

Nearly every log is one. What is not exactly one is Undecodable, as everywhere in the codec.
"""

from collections.abc import Sequence

from apps.chain.codec.abi import Undecodable
from apps.chain.types.events import Transfer

# The topic of this declaration.
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
# What transfer_columns() gives, by the names of the raw log's columns.
COLUMNS = ("topics", "data", "sender", "recipient", "amount")

_ADDRESS_HEAD = "0x" + "0" * 24
_DIGITS = 2 + 64  # of a word in hex


def read_transfer(topics: Sequence[str], data: str) -> tuple[str, str, int]:
    """Sender and recipient as 40 hex digits each, and the amount. Raises Undecodable.

    topics[0] is TRANSFER; all are lower-case texts, as a node's answer is read and a stored log gives them.
    """
    if len(topics) != 3 or len(data) != _DIGITS:
        raise Undecodable(f"Transfer with {len(topics)} topics and {len(data) // 2 - 1} bytes of data")
    _, sender, recipient = topics
    if len(sender) != _DIGITS or len(recipient) != _DIGITS or data[:2] != "0x":
        raise Undecodable("a topic that is no word")
    if sender[:26] != _ADDRESS_HEAD or recipient[:26] != _ADDRESS_HEAD:
        raise Undecodable("an address with more than 20 bytes")
    sender, recipient = sender[26:], recipient[26:]
    try:
        raw = bytes.fromhex(sender + recipient + data[2:])
    except ValueError:
        raise Undecodable("not hex digits") from None
    # fromhex() skips white space: the length tells.
    if len(raw) != 72:
        raise Undecodable("not hex digits")
    return sender, recipient, int.from_bytes(raw[40:], "big")


def decode_transfer(topics: Sequence[str], data: str) -> Transfer:
    """The event. Raises Undecodable, as read_transfer()."""
    sender, recipient, amount = read_transfer(topics, data)
    return Transfer("0x" + sender, "0x" + recipient, amount)


def transfer_columns(topics: Sequence[str], data: str) -> str:
    """The event's COLUMNS in COPY's text format, tabs between them. Raises Undecodable, as read_transfer()."""
    sender, recipient, amount = read_transfer(topics, data)
    return (
        f"\\\\x{TRANSFER[2:]}{topics[1][2:]}{topics[2][2:]}\t\\\\x{data[2:]}\t\\\\x{sender}\t\\\\x{recipient}\t{amount}"
    )
