"""Tokens that somebody else deployed, and where tokens keep their balances."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.chain.gateway import Node
from apps.chain.services.nodes import default_node
from apps.chain.services.tokens import end_token, register_token, verify_layout
from apps.chain.types import TokenStandard
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.errors import DomainError


class Command(BaseCommand):
    help = "Bind a token that exists to an ISIN, end one, or verify where the token of an ISIN keeps its balances."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        register = acts.add_parser("register", help="bind a token; it goes live once its logs equal its storage")
        register.add_argument("isin")
        register.add_argument("address")
        register.add_argument("--name", help="what the token calls itself, if not as the security")
        register.add_argument("--standard", choices=TokenStandard.values, help="refuse it unless it is one")
        register.add_argument("--deploy-block", type=int, help="for a node that no longer knows old states")
        layout = acts.add_parser("layout", help="verify the storage layout: proofs are refused until then")
        layout.add_argument("isin")
        end = acts.add_parser("end", help="end a token nobody holds: another may take its place")
        end.add_argument("isin")
        end.add_argument("address")
        end.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        act = {"register": self._register, "layout": self._layout, "end": self._end}[options["act"]]
        try:
            with default_node() as node:
                after = act(node, options)
        except DomainError as error:
            told = ", ".join(f"{name}: {value}" for name, value in sorted(error.context.items()))
            raise CommandError(f"{error.message} ({error.code}; {told})") from None
        self.stdout.write(" ".join(f"{name} {value}" for name, value in after.items()))

    def _register(self, node: Node, options: dict[str, Any]) -> dict[str, object]:
        standard = options["standard"]
        bound = register_token(
            actor=system_actor(),
            node=node,
            isin=options["isin"],
            address=options["address"],
            name=options["name"],
            standard=TokenStandard(standard) if standard else None,
            deploy_block=options["deploy_block"],
            now=clock.now(),
        )
        return {"state": bound.state.value, "standard": bound.standard.value, "deploy_block": bound.deploy_block}

    def _end(self, node: Node, options: dict[str, Any]) -> dict[str, object]:
        ended = end_token(
            actor=system_actor(),
            node=node,
            isin=options["isin"],
            address=options["address"],
            reason=options["reason"],
        )
        return {"valid_to_block": ended.valid_to_block}

    def _layout(self, node: Node, options: dict[str, Any]) -> dict[str, object]:
        found = verify_layout(actor=system_actor(), node=node, isin=options["isin"], now=clock.now())
        return {"balances_slot": found.balances_slot, "supply_slot": found.supply_slot}
