"""Logs decoded: Transfer by the hot path, all other events we know by their declarations.

Pure: no Django. A topic we do not know is no event (None) and is kept raw. A known topic in another shape is
Undecodable: never guessed, never dropped.
"""

from collections.abc import Sequence

from apps.chain.codec import registry
from apps.chain.codec.abi import Undecodable
from apps.chain.codec.hot import TRANSFER, decode_transfer
from apps.chain.codec.layouts import LAYOUTS
from apps.chain.types.blocks import ContractKind
from apps.chain.types.events import ChainEvent, Erc721Transfer

__all__ = ["LAYOUTS", "TRANSFER", "Undecodable", "decode"]

# Their balances are folded from Transfers of amounts: one of a token id has none.
_FUNGIBLE = frozenset({ContractKind.SECURITY, ContractKind.CASH})


def decode(topics: Sequence[str], data: str, *, kind: ContractKind | None = None) -> ChainEvent | None:
    """The event a log tells, None if its first topic is unknown. Raises Undecodable.

    `kind` is the contract's. An ERC-721 Transfer has the topic of an ERC-20 one and one topic more: it is an event
    only where the contract is known to be neither a security nor cash.
    """
    if not topics:
        return None
    if topics[0] == TRANSFER and len(topics) == 3:
        return decode_transfer(topics, data)
    event = registry.read(topics, data)
    if isinstance(event, Erc721Transfer) and (kind is None or kind in _FUNGIBLE):
        raise Undecodable("Transfer with 4 topics: of a token id, not of an amount")
    return event
