"""The other side of a run: contract storage at the cut-off block, asked by its hash. No transaction is open meanwhile.

What could not be read is unknown (None): it makes a run INCOMPLETE, never clean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from apps.chain.errors import ChainUnavailable, RpcError, WrongChain
from apps.chain.selectors.node_answers import SentCall, calls_of, header_at
from apps.chain.selectors.storage import balances_at, total_supply_at
from apps.chain.services.nodes import Node
from apps.chain.types import BlockView
from apps.reconciliation.services.books import Books


@dataclass(frozen=True, slots=True)
class Storage:
    """Balances and supply at the cut-off, and who made the movements nothing of ours explains.

    `answered`: the node gave answers at all. `endpoints`: the nodes that confirmed hash and state root of the block.
    `orphaned`: the node's canonical chain has another block at that height.
    """

    answered: bool = False
    balances: Mapping[str, int | None] = field(default_factory=dict)
    cash: Mapping[str, int | None] = field(default_factory=dict)
    supply: int | None = None
    callers: Mapping[str, SentCall | None] = field(default_factory=dict)
    endpoints: tuple[str, ...] = ()
    orphaned: bool = False
    problems: tuple[str, ...] = ()


def read_storage(*, node: Node, books: Books) -> Storage:
    """Everything the chain stores of the wallets the books name. Never raises for a node's failure."""
    block, held = books.cut_off, books.security
    if block is None or held is None:
        return Storage()
    try:
        balances = balances_at(node, held.token, books.wallets, block.hash)
        supply = total_supply_at(node, held.token, block.hash)
        cash = balances_at(node, books.cash.token, books.wallets, block.hash) if books.cash else {}
        callers = calls_of(node, [m.tx_hash for m in books.unexplained])
        # Last, so that a block that was replaced while we read is noticed.
        endpoints, orphaned, problems = _confirm(node, block)
    except (ChainUnavailable, WrongChain, RpcError) as error:
        said = "refused a question" if isinstance(error, RpcError) else error.message
        return Storage(problems=(f"The chain could not be read at block {block.number}: {said}",))
    return Storage(True, balances, cash, supply, callers, endpoints, orphaned, problems)


def _confirm(node: Node, block: BlockView) -> tuple[tuple[str, ...], bool, tuple[str, ...]]:
    """Which endpoints agree on the cut-off block; whether it is orphaned; what else is wrong with it."""
    found = header_at(node, block.number)
    if found is None:
        return (), False, (f"The node does not have block {block.number} yet.",)
    if found.hash != block.hash:
        return (), True, (f"Block {block.number} {block.hash} is no longer canonical: the node has {found.hash}.",)
    if found.state_root != block.state_root:
        return (), False, (f"The node gives another state root for block {block.number} than was stored.",)
    # By the name of its setting: its URL may carry a key.
    return (node.name,), False, ()
