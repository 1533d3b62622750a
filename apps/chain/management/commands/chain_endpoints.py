"""The nodes, and a person's word about one of them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.chain.errors import UnknownEndpoint
from apps.chain.selectors.endpoints import endpoints
from apps.chain.services.endpoints import disable_endpoint, release_endpoint
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.db import unit_of_work


class Command(BaseCommand):
    help = "Show the configured chain nodes; let one back that is quarantined or disabled, or have it asked no more."

    def add_arguments(self, parser: CommandParser) -> None:
        act = parser.add_mutually_exclusive_group()
        act.add_argument("--release", metavar="NAME", help="ask it again: the name of its setting, as CHAIN_RPC_URL_2")
        act.add_argument("--disable", metavar="NAME", help="ask it no more")
        parser.add_argument("--reason", default="", help="what was found; goes into the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        name, act = (
            (options["release"], release_endpoint) if options["release"] else (options["disable"], disable_endpoint)
        )
        if name:
            if not options["reason"].strip():
                raise CommandError("say why: --reason")
            try:
                with unit_of_work():
                    act(actor=system_actor(), name=name, reason=options["reason"], now=clock.now())
            except UnknownEndpoint as error:
                raise CommandError(error.message) from None
        for each in endpoints():
            until = f" until {each.until:%Y-%m-%dT%H:%M:%SZ}" if each.until else ""
            why = f" ({each.reason}{until})" if each.reason else ""
            self.stdout.write(
                f"{each.name} {each.state}{why} head {each.head} final {each.final} range {each.range_blocks}"
            )
