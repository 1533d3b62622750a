"""Reading commands and their verdicts."""

from collections.abc import Iterable
from uuid import UUID

from apps.dex.models import Command, Verdict
from apps.dex.types import CommandKind, CommandReceipt


def by_client_id(party_id: UUID, client_command_id: str) -> Command | None:
    """The command a party recorded under its own id."""
    return Command.objects.filter(party_id=party_id, client_command_id=client_command_id).first()


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
    return dict(Verdict.objects.filter(pk__in=list(command_ids)).values_list("command_id", "code"))
