"""Deploy the platform's contracts, or see that they are there."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from apps.chain.engines.sender import Sender
from apps.chain.errors import ChainUnavailable
from apps.chain.gateway import Node
from apps.chain.selectors.contracts import addresses
from apps.chain.services.deployment import progress, record_contracts, require_code, write_plan
from apps.chain.services.nodes import default_node
from apps.chain.services.signers import register_signers
from apps.chain.services.tokens import admit_minter
from apps.chain.signers import cash_minter_address
from apps.core import clock
from apps.core.daemon import elect
from apps.core.errors import DomainError

POLL_SECONDS = 0.1


class Command(BaseCommand):
    help = "Deploy the platform's contracts. Safe to run again, and after a kill: it goes on where it stopped."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--timeout", type=float, default=120, help="seconds to wait for the chain (120)")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        try:
            with default_node() as node:
                self._deploy(node, began + options["timeout"])
        except DomainError as error:
            raise CommandError(f"{error.message} {dict(error.context) or ''}".strip()) from error
        self.stdout.write(f"contracts: ready in {time.monotonic() - began:.1f} s")

    def _deploy(self, node: Node, deadline: float) -> None:
        now = clock.now()
        signers = register_signers(node=node, now=now)
        if known := addresses():
            require_code(node=node, addresses=list(known.values()))
            self.stdout.write(f"contracts: {len(known)} deployed already")
            if strange := admit_minter(node=node, now=now):
                self.stdout.write(f"contracts: MINTER becomes an agent of {strange} tokens: the sender does it")
            return
        written = write_plan(signers=signers, cash_minter=cash_minter_address(), now=now)
        self.stdout.write(f"contracts: {progress().total} transactions {'written' if written else 'resumed'}")
        try:
            self._drive(node, deadline)
        finally:
            connection.close()  # gives up the sender's lock, so that its engine may lead
        for name, address in record_contracts(node=node, now=clock.now()).items():
            self.stdout.write(f"  {name} {address}")

    def _drive(self, node: Node, deadline: float) -> None:
        """Be the sender until all is mined, or watch it where another process is."""
        leadership, sender, shown = elect(Sender.name), Sender(node), -1
        while not (state := progress()).done and not state.failed:
            if time.monotonic() > deadline:
                raise ChainUnavailable("The chain mines too slowly.", mined=state.mined, total=state.total)
            if state.mined != shown:
                self.stdout.write(f"contracts: {state.mined} of {state.total} mined")
                shown = state.mined
            leadership = leadership or elect(Sender.name)
            if leadership is None or not sender.step(leadership, clock.now()):
                time.sleep(POLL_SECONDS)
