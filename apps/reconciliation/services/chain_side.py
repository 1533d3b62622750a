"""The other side of a run: the chain at the cut-off block, asked by its hash. No transaction is open meanwhile.

What could not be read is unknown (None): it makes a run INCOMPLETE, never clean.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from apps.chain.errors import ChainUnavailable, IncompleteAnswer, LayoutUnverified, RpcError, WrongChain
from apps.chain.selectors.node_answers import SentCall, calls_of, header_at
from apps.chain.selectors.proven import prove_positions
from apps.chain.selectors.storage import (
    balances_in_parts,
    decimals_at,
    frozen_at,
    is_frozen_at,
    is_verified_at,
    paused_at,
    total_supply_at,
)
from apps.chain.services.nodes import Node
from apps.chain.types import BlockView
from apps.reconciliation.classifying.states import Actual, Frozen
from apps.reconciliation.services.books import AssetBooks, Books
from apps.reconciliation.types import BreakKind, RunDepth

TWO = 2
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Which nodes confirmed hash and state root of the cut-off; whether it is orphaned; what else is wrong with it."""

    endpoints: tuple[str, ...] = ()
    orphaned: bool = False
    disagree: bool = False
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Storage:
    """What the chain stores, at the cut-off.

    `answered`: the node gave answers at all. `balances` and `cash` are those of the wallets that were asked for and
    have not what the final logs say; `unread` is what could not be read, in sentences. `callers` made the movements
    that nothing of ours explains.
    """

    answered: bool = False
    supply: int | None = None
    balances: Mapping[str, int] = field(default_factory=dict)
    cash: Mapping[str, int] = field(default_factory=dict)
    actual: Actual = field(default_factory=Actual)
    callers: Mapping[str, SentCall | None] = field(default_factory=dict)
    witnesses: Witnesses = field(default_factory=Witnesses)
    unread: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def read_storage(*, nodes: Sequence[Node], books: Books, depth: RunDepth, progress: Progress) -> Storage:
    """What the first of the nodes answers about everything the books name; all of them say if the block stands.

    Never raises for a node's failure. `progress` is told how many balances have been read.
    """
    block, held = books.cut_off, books.security
    if block is None or held is None:
        return Storage()
    try:
        found = _Reading(nodes[0], block, progress).read(books, held, depth)
        # Last, so that a block that was replaced while we read is noticed.
        return replace(found, witnesses=confirm(nodes, block))
    except (ChainUnavailable, WrongChain, RpcError) as error:
        said = "refused a question" if isinstance(error, RpcError) else error.message
        return Storage(problems=(f"The chain could not be read at block {block.number}: {said}",))


def confirm(nodes: Sequence[Node], block: BlockView) -> Witnesses:
    """Hold the cut-off against every node. The first must have it; of several, two must, and none another."""
    first, *others = nodes
    found = _asked(first, block)
    if not found.endpoints:
        return found
    said = [_asked(each, block) for each in others]
    agreeing = (*found.endpoints, *(name for one in said for name in one.endpoints))
    if any(one.orphaned or one.disagree for one in said):
        return Witnesses(agreeing, disagree=True, problems=(f"Two nodes disagree about block {block.number}.",))
    if others and len(agreeing) < TWO:
        return Witnesses(agreeing, problems=(f"Only one of {len(nodes)} nodes confirmed block {block.number}.",))
    return Witnesses(agreeing)


def _asked(node: Node, block: BlockView) -> Witnesses:
    """By the name of its setting: a node's URL may carry a key."""
    try:
        found = header_at(node, block.number)
    except (ChainUnavailable, WrongChain, RpcError):
        return Witnesses(problems=(f"A node did not answer for block {block.number}.",))
    if found is None:
        return Witnesses(problems=(f"The node does not have block {block.number} yet.",))
    if found.hash != block.hash:
        problem = f"Block {block.number} {block.hash} is no longer canonical: the node has {found.hash}."
        return Witnesses(orphaned=True, problems=(problem,))
    if found.state_root != block.state_root:
        problem = f"The node gives another state root for block {block.number} than was stored."
        return Witnesses(disagree=True, problems=(problem,))
    return Witnesses((node.name,))


class _Reading:
    """Asks one node, and keeps what it could not say."""

    def __init__(self, node: Node, block: BlockView, progress: Progress) -> None:
        self._node, self._hash, self._progress = node, block.hash, progress
        self._unread: list[str] = []
        self._read = 0

    def read(self, books: Books, held: AssetBooks, depth: RunDepth) -> Storage:
        supply = total_supply_at(self._node, held.token, self._hash)
        if supply is None:
            self._unread.append(f"The supply of {held.unit.asset} could not be read from the chain.")
        actual = self._token(books, held)
        balances, cash = {}, {}
        if depth != RunDepth.FOLD:
            balances = self._proven(held) if depth == RunDepth.PROVEN else self._balances(held)
            cash = self._balances(books.cash) if books.cash else {}
            actual = self._wallets(books, held, actual)
        strangers = [c.log.tx_hash for c in books.causes if c.log and c.kind == BreakKind.UNAUTHORISED_ACTION]
        strangers += [act.tx_hash for act in books.states.untraced] if books.states else []
        callers = calls_of(self._node, strangers)
        return Storage(
            answered=True,
            supply=supply,
            balances=balances,
            cash=cash,
            actual=actual,
            callers=callers,
            unread=tuple(self._unread),
        )

    def _balances(self, asset: AssetBooks) -> dict[str, int]:
        """Balances that are not what the final logs say. All are asked for; few are kept."""
        other: dict[str, int] = {}
        told = iter(asset.by_events)
        wallets = (wallet for wallet, _ in asset.by_events)
        for part in balances_in_parts(self._node, asset.token, wallets, self._hash):
            for (wallet, units), (_, events) in zip(part.items(), told, strict=False):
                if units is None:
                    self._unread.append(f"The {asset.unit.asset} balance of {wallet} could not be read from the chain.")
                elif units != events:
                    other[wallet] = units
            self._read += len(part)
            self._progress(self._read)
        return other

    def _proven(self, held: AssetBooks) -> dict[str, int]:
        """As _balances(), by proofs against the block's state root. What cannot be proven is unknown as a whole."""
        asset, wallets = held.unit.asset, [wallet for wallet, _ in held.by_events]
        try:
            units = prove_positions(node=self._node, isin=asset, block_hash=self._hash, wallets=wallets).units
        except (LayoutUnverified, IncompleteAnswer) as error:
            self._unread.append(f"The balances of {asset} could not be proven: {error.message}")
            return {}
        self._read += len(units)
        self._progress(self._read)
        return {wallet: units[wallet] for wallet, events in held.by_events if units[wallet] != events}

    def _token(self, books: Books, held: AssetBooks) -> Actual:
        """What is asked of the token as a whole."""
        paused = None
        if books.expected.paused is not None:
            paused = paused_at(self._node, held.token, self._hash)
            if paused is None:
                self._unread.append(f"Whether {held.unit.asset} is paused could not be read from the chain.")
        return Actual(
            frozen=books.states.frozen if books.states else {},
            paused=paused,
            decimals=self._decimals(held),
            cash_decimals=self._decimals(books.cash) if books.cash else None,
        )

    def _decimals(self, asset: AssetBooks) -> int | None:
        found = decimals_at(self._node, asset.token, self._hash)
        if found is None:
            self._unread.append(f"The decimals of {asset.unit.asset} could not be read from the chain.")
        return found

    def _wallets(self, books: Books, held: AssetBooks, token: Actual) -> Actual:
        """What is asked of each wallet: freezes, and whether the registry holds it for verified."""
        binding = books.binding
        if binding is None or not binding.identity_registry:
            return token
        wallets = [wallet for wallet, _ in held.by_events]
        units = frozen_at(self._node, held.token, wallets, self._hash)
        whole = is_frozen_at(self._node, held.token, wallets, self._hash)
        frozen = dict(self._frozen(units, whole))
        if books.expected.verified is None:
            return replace(token, stored_frozen=frozen)
        holding = {wallet for wallet, events in held.by_events if events} - _strangers(held)
        asked = sorted(holding | books.expected.verified)
        verified = is_verified_at(self._node, binding.identity_registry, asked, self._hash)
        self._unread += [
            f"Whether {wallet} is verified could not be read from the chain."
            for wallet in asked
            if verified[wallet] is None
        ]
        known = {wallet: there for wallet, there in verified.items() if there is not None}
        return replace(token, stored_frozen=frozen, verified=known)

    def _frozen(
        self, units: Mapping[str, int | None], whole: Mapping[str, bool | None]
    ) -> Iterator[tuple[str, Frozen]]:
        for wallet, count in units.items():
            flag = whole[wallet]
            if count is None or flag is None:
                self._unread.append(f"What is frozen of {wallet} could not be read from the chain.")
            elif count or flag:
                yield wallet, Frozen(count, flag)


def _strangers(held: AssetBooks) -> set[str]:
    return {row.wallet for row in held.positions.rows if row.stranger}
