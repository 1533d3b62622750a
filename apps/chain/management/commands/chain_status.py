"""How the chain room is doing."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.chain.errors import ChainUnavailable, WrongChain
from apps.chain.selectors.contracts import addresses
from apps.chain.selectors.status import chain_status
from apps.chain.services.fees import read_head
from apps.chain.services.nodes import default_node
from apps.chain.types import BlockView
from apps.core import clock


class Command(BaseCommand):
    help = "Show node, stored blocks, streams, signers, open transactions and contracts."

    def handle(self, *args: Any, **options: Any) -> None:
        status = chain_status(clock.now())
        lines = [f"chain {status.chain_id}", f"node head {_node_head()}"]
        lines += [f"stored head {_block(status.head)}", f"stored final {_block(status.final)}"]
        lines += [
            f"node {n.name} {n.state}{f' {n.reason}' if n.reason else ''} head {n.head}" for n in status.endpoints
        ]
        lines += [f"behind the nodes {status.lag_blocks} blocks, dead letters {status.dead_letters_open}"]
        stored, left = status.coverage, status.reorganisations
        lines += [f"stored from {stored.from_block} to {stored.to_block}, contracts behind {stored.contracts_behind}"]
        lines += [f"reorganisations {left.count}, the last of {left.depth} blocks"]
        lines += [f"stream {c.name} at {c.number}{_unless_empty(c.halted)}" for c in status.cursors]
        lines += [
            f"signer {s.role} {s.address} next nonce {s.next_nonce}{_unless_empty(s.frozen_reason)}"
            f"{' low on ether' if s.low_on_ether else ''}"
            for s in status.signers
        ]
        lines += [f"open intents {state} {number}" for state, number in status.open_intents.items()]
        lines += [f"contract {name} {address}" for name, address in sorted(addresses().items())]
        self.stdout.write("\n".join(lines))


def _node_head() -> str:
    try:
        with default_node() as node:
            return str(read_head(node).number)
    except (ChainUnavailable, WrongChain) as error:
        return f"unknown ({error.code})"


def _block(block: BlockView | None) -> str:
    return f"{block.number} {block.hash}" if block else "none"


def _unless_empty(words: str) -> str:
    return f" STOPPED: {words}" if words else ""
