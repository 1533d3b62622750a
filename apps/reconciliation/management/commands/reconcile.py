"""Reconcile securities from the command line."""

import json
import logging
from collections.abc import Sequence
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from stdnum import isin as isins

from apps.chain.services.nodes import all_nodes
from apps.core import clock
from apps.core.actor import system_actor
from apps.core.errors import DomainError
from apps.core.money import format_base_units
from apps.reconciliation.selectors.rendering import look_back_as_dict, run_as_dict
from apps.reconciliation.services.chain_side import Progress
from apps.reconciliation.services.engine import ReconciliationEngine, RunOrder, reconcilable
from apps.reconciliation.types import BreakView, LookBack, RunDepth, RunStatus, RunView

log = logging.getLogger(__name__)

UNKNOWN, BAD_INPUT = 2, 3
TOLD_EVERY = 50_000  # balances
EXIT = {RunStatus.CLEAN.value: 0, RunStatus.BREAKS.value: 1}


class Command(BaseCommand):
    help = (
        "Compare books, final events and contract storage of a security at one block. "
        "Exit status: 0 clean, 1 breaks, 2 incomplete or void, 3 bad input."
    )
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.error = self._refuse  # type: ignore[method-assign]
        return parser

    def _refuse(self, message: str) -> NoReturn:
        """Bad input is one line and status 3: argparse's own 2 would read as an incomplete run."""
        error = CommandError(f"reconcile: {message}", returncode=BAD_INPUT)
        if not getattr(self, "_called_from_command_line", False):
            raise error
        self.stderr.write(str(error))
        raise SystemExit(BAD_INPUT)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--isin", help="the security to reconcile; without it, every one with a live token")
        parser.add_argument("--full", action="store_true", help="ask the token for every wallet")
        parser.add_argument(
            "--proofs", action="store_true", help="take a storage proof of every balance, and attest the positions"
        )
        parser.add_argument("--incremental", action="store_true", help="only what changed since the last run, or broke")
        parser.add_argument("--at-block", type=int, help="look back: as of this earlier final block; writes nothing")
        parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["incremental"] and (options["full"] or options["proofs"] or options["at_block"] is not None):
            self._refuse("--incremental looks at what changed, and is given alone")
        if options["at_block"] is not None and (options["at_block"] < 0 or options["proofs"]):
            self._refuse("--at-block takes a block's number, and no --proofs")
        runs = self._run(options)
        if options["json"]:
            found = [look_back_as_dict(run) if isinstance(run, LookBack) else run_as_dict(run) for run in runs]
            self.stdout.write(json.dumps(found[0] if options["isin"] else found, indent=2))
        else:
            self.stdout.write("\n\n".join(map(_table, runs)) or "No security has a live token.")
        if status := _exit_status(runs):
            raise SystemExit(status)

    def _run(self, options: dict[str, Any]) -> list[RunView | LookBack]:
        """All runs asked for. A failure nobody foresaw must not leave Python's status 1, which says BREAKS."""
        try:
            wanted = [self._isin(options["isin"])] if options["isin"] else reconcilable()
            return [self._reconcile(isin, options, f"{n}/{len(wanted)} {isin}") for n, isin in enumerate(wanted, 1)]
        except CommandError:
            raise
        except DatabaseError:
            self.stderr.write("reconcile: the database does not answer, or is not migrated")
        except Exception:
            log.exception("reconciliation failed")
            self.stderr.write("reconcile: failed, see the log; nothing is known")
        raise SystemExit(UNKNOWN)

    def _isin(self, text: str) -> str:
        if not isins.is_valid(text):
            self._refuse(f"{text} is not a valid ISIN")
        return str(text)

    def _reconcile(self, isin: str, options: dict[str, Any], place: str) -> RunView | LookBack:
        depth = _depth(options)
        self.stderr.write(f"{place}: books and logs are read")
        try:
            with all_nodes() as nodes:
                engine = ReconciliationEngine(nodes, self._progress(place))
                if options["at_block"] is not None:
                    return engine.look_back(isin=isin, block=options["at_block"], depth=depth, now=clock.now())
                order = RunOrder(depth, options["incremental"], attest=depth == RunDepth.PROVEN)
                return engine.reconcile(isin=isin, actor=system_actor(), now=clock.now(), order=order)
        except DomainError as error:
            self._refuse(f"{isin}: {error.message}")

    def _progress(self, place: str) -> Progress:
        """Says every so often how many balances the chain has given."""
        said = 0

        def tell(read: int) -> None:
            nonlocal said
            if read // TOLD_EVERY > said:
                said = read // TOLD_EVERY
                self.stderr.write(f"{place}: {read:,} balances are read from the chain")

        return tell


def _depth(options: dict[str, Any]) -> RunDepth:
    if options["proofs"]:
        return RunDepth.PROVEN
    return RunDepth.FULL if options["full"] else RunDepth.FOLD


def _exit_status(runs: Sequence[RunView | LookBack]) -> int:
    """The gravest: what is unknown comes before what differs."""
    return max((EXIT.get(run.status, UNKNOWN) for run in runs), default=0)


def _table(run: RunView | LookBack) -> str:
    wallets = "1 wallet" if run.wallets == 1 else f"{run.wallets} wallets"
    lines = [f"{run.isin}  {run.status}  ({wallets})"]
    if cut := run.cut_off:
        lines.append(f"  at block {cut.block_number} {cut.block_hash}, ledger sequence {cut.ledger_sequence}")
    lines += [f"  ! {problem}" for problem in run.problems]
    if isinstance(run, LookBack):
        lines += [f"  {found.kind:<20} {found.message}" for found in run.findings]
    else:
        lines += [line for found in run.breaks for line in _break(found)]
    return "\n".join(lines)


def _break(found: BreakView) -> list[str]:
    books, chain = (_amount(found, units) for units in (found.expected, found.actual))
    since = found.first_seen_at.strftime("%Y-%m-%d %H:%M")
    return [
        f"  {found.kind:<20} {found.asset:<12} books {books:>18}  chain {chain:>18}  since {since}",
        f"    {found.message}",
    ]


def _amount(found: BreakView, units: int | None) -> str:
    return "-" if units is None else format_base_units(units, found.decimals)
