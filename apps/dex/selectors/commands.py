"""Reading commands and their verdicts."""

from collections.abc import Iterable
from uuid import UUID

from apps.core.db import Columns, fetch_all, fetch_one
from apps.dex.models import Command, Verdict
from apps.dex.types import CommandKind, CommandReceipt

COMMAND = Columns(Command, "c")
# Asked for every command.
BY_CLIENT_ID = f"SELECT {COMMAND} FROM dex_command c WHERE c.party_id = %s AND c.client_command_id = %s"  # noqa: S608
VERDICTS = "SELECT command_id, code FROM dex_verdict WHERE command_id = ANY(%s)"


def by_client_id(party_id: UUID, client_command_id: str) -> Command | None:
    """The command a party recorded under its own id."""
    row = fetch_one(BY_CLIENT_ID, [party_id, client_command_id])
    return COMMAND.read(row) if row else None


def that_placed(order_id: UUID, party_id: UUID) -> Command | None:
    """The command that placed this party's order."""
    return Command.objects.filter(order_id=order_id, party_id=party_id, kind=CommandKind.NEW).first()


def receipt(command: Command) -> CommandReceipt:
    """The command's receipt, with the verdict if there is one."""
    verdict = Verdict.objects.filter(pk=command.pk).first()
    code = verdict.code if verdict else None
    return CommandReceipt(command.pk, command.order_id, command.kind, verdict is not None, code)


def verdicts(command_ids: Iterable[int]) -> dict[int, str | None]:
    """Verdict codes (None: accepted) of those commands that are decided."""
    return dict(fetch_all(VERDICTS, [list(command_ids)]))
