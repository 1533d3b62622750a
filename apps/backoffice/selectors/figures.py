"""What the first page counts. A count stops at a limit, so that no backlog makes the page slow."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from apps.compliance.models import InvestorProfile
from apps.compliance.types import KycStatus
from apps.core.cache import cache_result
from apps.core.metrics import counted
from apps.core.models import Alert, EngineState, OutboxPending, WorkItem
from apps.core.registry import registry
from apps.core.types import WorkState
from apps.dex.models import Inbox
from apps.issuance.models import IssuanceRequest
from apps.issuance.types import IssuanceStatus
from apps.reconciliation.models import Break
from apps.reconciliation.types import UNSETTLED
from apps.settlement.models import SettlementInstruction
from apps.settlement.types import ProcessingStatus, SettlementStatus

LIMIT = 1000
# Long enough for officers who look at the same time, short enough that who has just decided sees it next time.
KEPT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for someone: `rows` are it, `query` narrows the list at `page` to it."""

    title: str
    note: str
    rows: Callable[[], QuerySet]
    page: str
    query: str = ""
    alarming_from: int | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """How many wait, counted up to one more than the limit."""

    of: Waiting
    count: int

    @property
    def shown(self) -> str:
        """The number, or that there are more than were counted."""
        return f"{LIMIT}+" if self.count > LIMIT else str(self.count)

    @property
    def alarming(self) -> bool:
        """Somebody should look now."""
        return self.of.alarming_from is not None and self.count >= self.of.alarming_from


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


WAITING = (
    Waiting(
        "Alerts open",
        "somebody should look",
        lambda: Alert.objects.filter(resolved_at=None),
        "admin:core_alert_changelist",
        "resolved_at__isempty=1",
        alarming_from=1,
    ),
    Waiting(
        "KYC to decide",
        "investors pending",
        lambda: InvestorProfile.objects.filter(kyc_status=KycStatus.PENDING),
        "admin:compliance_investorprofile_changelist",
        f"kyc_status__exact={KycStatus.PENDING}",
    ),
    Waiting(
        "Issuances to approve",
        "wait for a second person",
        lambda: IssuanceRequest.objects.filter(status=IssuanceStatus.REQUESTED),
        "admin:issuance_issuancerequest_changelist",
        f"status__exact={IssuanceStatus.REQUESTED}",
    ),
    Waiting(
        "Settlements failing",
        "to be tried again",
        lambda: SettlementInstruction.objects.filter(
            processing_status=ProcessingStatus.PACK, settlement_status=SettlementStatus.PENF, open_intent_id=None
        ),
        "admin:settlement_settlementinstruction_changelist",
        f"settlement_status__exact={SettlementStatus.PENF}&processing_status__exact={ProcessingStatus.PACK}",
        alarming_from=1,
    ),
    Waiting(
        "Breaks open",
        "between books and chain",
        lambda: Break.objects.filter(state__in=UNSETTLED),
        "admin:reconciliation_break_changelist",
        f"state__in={','.join(UNSETTLED)}",
        alarming_from=1,
    ),
    Waiting("Commands waiting", "for the matcher", Inbox.objects.all, "admin:dex_inbox_changelist", alarming_from=100),
    Waiting(
        "Events waiting",
        "in the outbox",
        lambda: OutboxPending.objects.filter(dead_at=None),
        "admin:core_outboxpending_changelist",
        "dead_at__isempty=1",
        alarming_from=100,
    ),
    Waiting(
        "Set aside",
        "work that failed too often",
        lambda: WorkItem.objects.filter(state=WorkState.DEAD),
        "admin:core_workitem_changelist",
        f"state__exact={WorkState.DEAD}",
        alarming_from=1,
    ),
)


def figures() -> list[Figure]:
    """The figures of the first page, at most `KEPT_SECONDS` old: they are the same for all officers."""
    counts = _counts([what.title for what in WAITING])
    return [Figure(what, count) for what, count in zip(WAITING, counts, strict=True)]


@cache_result("officers_figures", timeout=KEPT_SECONDS)
def _counts(titles: list[str]) -> list[int]:
    rows = {what.title: what.rows for what in WAITING}
    return [counted(rows[title](), LIMIT + 1) for title in titles]


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
