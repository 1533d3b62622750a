"""What the first page counts. A count stops at a limit, so that no backlog makes the page slow."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from apps.compliance.models import InvestorProfile
from apps.compliance.types import KycStatus
from apps.core.models import EngineState, OutboxPending
from apps.core.registry import registry
from apps.dex.models import Inbox
from apps.issuance.models import IssuanceRequest
from apps.issuance.types import IssuanceStatus
from apps.reconciliation.models import Break
from apps.reconciliation.types import BreakState
from apps.settlement.models import SettlementInstruction
from apps.settlement.types import ProcessingStatus, SettlementStatus

LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of things that wait for someone. `query` is the list that shows them."""

    title: str
    count: int
    note: str
    page: str
    query: str = ""
    alarming_from: int | None = None

    @property
    def shown(self) -> str:
        """The number, or that there are more than were counted."""
        return f"{LIMIT}+" if self.count > LIMIT else str(self.count)

    @property
    def alarming(self) -> bool:
        """Somebody should look now."""
        return self.alarming_from is not None and self.count >= self.alarming_from


@dataclass(frozen=True, slots=True)
class EngineLine:
    """An engine of this installation; `age` is the time since its last heartbeat, None if it never ran."""

    name: str
    epoch: int
    age: timedelta | None
    place: str
    last_error: str

    @property
    def alive(self) -> bool:
        """It beat lately."""
        silent = timedelta(seconds=settings.SECURITY.monitoring.thresholds.engine_silent_seconds)
        return self.age is not None and self.age <= silent


def figures() -> list[Figure]:
    """The figures of the first page."""
    failing = SettlementInstruction.objects.filter(
        processing_status=ProcessingStatus.PACK, settlement_status=SettlementStatus.PENF
    )
    return [
        Figure(
            "KYC to decide",
            counted(InvestorProfile.objects.filter(kyc_status=KycStatus.PENDING)),
            "investors pending",
            "admin:compliance_investorprofile_changelist",
            f"kyc_status__exact={KycStatus.PENDING}",
        ),
        Figure(
            "Issuances to approve",
            counted(IssuanceRequest.objects.filter(status=IssuanceStatus.REQUESTED)),
            "wait for a second person",
            "admin:issuance_issuancerequest_changelist",
            f"status__exact={IssuanceStatus.REQUESTED}",
        ),
        Figure(
            "Settlements failing",
            counted(failing),
            "to be tried again",
            "admin:settlement_settlementinstruction_changelist",
            f"settlement_status__exact={SettlementStatus.PENF}&processing_status__exact={ProcessingStatus.PACK}",
            alarming_from=1,
        ),
        Figure(
            "Breaks open",
            counted(Break.objects.filter(state=BreakState.OPEN)),
            "between books and chain",
            "admin:reconciliation_break_changelist",
            f"state__exact={BreakState.OPEN}",
            alarming_from=1,
        ),
        Figure(
            "Commands waiting",
            counted(Inbox.objects.all()),
            "for the matcher",
            "admin:dex_inbox_changelist",
            alarming_from=100,
        ),
        Figure(
            "Events waiting",
            counted(OutboxPending.objects.all()),
            "in the outbox",
            "admin:core_outboxpending_changelist",
            alarming_from=100,
        ),
    ]


def counted(rows: QuerySet) -> int:
    """How many rows, up to one more than the limit."""
    return rows.order_by()[: LIMIT + 1].count()


def engines(now: datetime) -> list[EngineLine]:
    """Every engine this installation knows, whether it ever ran or not."""
    states = {state.name: state for state in EngineState.objects.all()}
    lines = []
    for name in sorted({*registry.engines, *states}):
        state = states.get(name)
        if state is None:
            lines.append(EngineLine(name, 0, None, "", ""))
            continue
        age = now - state.heartbeat_at if state.heartbeat_at else None
        lines.append(EngineLine(name, state.epoch, age, f"{state.host} pid {state.pid}", state.last_error))
    return lines
