"""Which node is followed: one at a time, until it lags, fails or lies; then another, in the same step."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from apps.chain.endpoints import rows as rows_
from apps.chain.endpoints.beside import Beside
from apps.chain.endpoints.choice import ordered
from apps.chain.endpoints.health import FAULTS, FOR_GOOD, LAST_RESORT, settle, verdict
from apps.chain.endpoints.others import Others
from apps.chain.endpoints.sessions import Session, configured, open_session
from apps.chain.errors import ChainMismatch, IncompleteAnswer, NodePruned, NoEndpoint, RpcError, WrongChain
from apps.chain.fetching import Tip, fetch_tip
from apps.chain.models import RpcEndpoint
from apps.chain.services.finality import require_modest
from apps.chain.services.recognising import recognise
from apps.chain.types.endpoints import EndpointReason, EndpointState

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Followed:
    """The node to ask now, what it says of itself, and the nodes beside it."""

    node: Session
    tip: Tip
    others: Others


class Pool:
    """The configured nodes, as one engine uses them. States and caps are in rows that all engines share."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._rows: dict[str, RpcEndpoint] = {}
        self.followed = ""
        self._complaints: dict[str, str] = {}
        self._settled_at: datetime | None = None

    def begin(self, now: datetime) -> None:
        """Begin new sessions, and look at every node. Raises NoEndpoint where none may be asked."""
        for session in self._sessions.values():
            session.close()
        self._sessions, self._complaints, self.followed = {}, {}, ""
        self._load(now)
        self._look_around(now, None)
        self._load(now)

    def work(
        self,
        do: Callable[[Followed], bool],
        *,
        now: datetime,
        at_least: int | None = None,
        needed: int | None = None,
    ) -> bool:
        """Do one piece of work with the best node, and with the next best where that one fails; what `do` returns.

        A node whose newest block is below `at_least` is not followed; one that still has the block `needed` is liked
        better. An answer that contradicts itself is asked for once more: near the head an honest node's can.
        Raises NoEndpoint, and what is no node's fault.
        """
        self._load(now)
        self._look_around(now, at_least)
        left: set[str] = set()
        doubted: set[str] = set()
        more = False
        while found := self._follow(left, now, at_least, needed):
            try:
                more = do(found)
            except (*FAULTS, NodePruned) as error:
                if isinstance(error, IncompleteAnswer) and found.node.name not in doubted:
                    doubted.add(found.node.name)
                    self._complain(found.node.name, error.code, error.context)
                    continue
                left.add(found.node.name)
                self._leave(found, error, now)
                continue
            finally:
                found.node.remember()
            self._well(found.node.name, now)
            break
        self._settle(now)
        return more

    def healthy(self, *, but: str = "") -> list[RpcEndpoint]:
        """Rows of the nodes that are well, in the order of liking."""
        return [row for name, row in self._rows.items() if name != but and row.state == EndpointState.HEALTHY]

    def session(self, name: str) -> Session:
        """The session with the node of this name."""
        held = self._sessions.get(name)
        if held is None or held.url != configured()[name]:
            held = self._sessions[name] = open_session(name, rows_.limits_of(self._rows[name]))
        return held

    def _load(self, now: datetime) -> None:
        self._rows = dict(rows_.rows_of(configured(), now))
        if all(row.state == EndpointState.DISABLED for row in self._rows.values()):
            settle(self._rows, now)
            raise NoEndpoint(endpoints=sorted(self._rows))

    def _look_around(self, now: datetime, at_least: int | None) -> None:
        """Look briefly at the nodes that are not followed, where it is time."""
        policy = settings.SECURITY.chain.endpoints
        often = timedelta(seconds=policy.check_seconds)
        for name, row in list(self._rows.items()):
            fresh = row.checked_at is not None and timedelta() <= now - row.checked_at < often
            waits = row.state == EndpointState.DISABLED or (row.until is not None and row.until > now)
            if name == self.followed or waits or (fresh and row.state == EndpointState.HEALTHY):
                continue
            if self._look(name, now, at_least, brief=True) and row.state == EndpointState.QUARANTINED:
                rows_.heal(row, now)
                self._complaints.pop(name, None)
                self._settled_at = None

    def _follow(self, left: set[str], now: datetime, at_least: int | None, needed: int | None) -> Followed | None:
        """The best node but those that were `left`, with its tip read now; None where there is none."""
        if self.followed and not _may_be_asked(self._rows[self.followed]):
            self.followed = ""  # a person, or another engine, has set it aside
        # Looked at first: an old height of its own would make it seem to lag.
        tips = {name: self._look(name, now, at_least) for name in [self.followed] if name and name not in left}
        left |= {name for name, tip in tips.items() if tip is None}
        while row := self._best(left, needed):
            if tip := tips.get(row.pk) or self._look(row.pk, now, at_least):
                self.followed = row.pk
                return Followed(self.session(row.pk), tip, Beside(self, row.pk, tip.head.number))
            left.add(row.pk)
        return None

    def _best(self, left: set[str], needed: int | None) -> RpcEndpoint | None:
        """Of those that are well the best; where none is, one that may be asked for want of a better."""
        usable = [row for row in self.healthy() if row.pk not in left] or [
            row for name, row in self._rows.items() if name not in left and _may_be_asked(row)
        ]
        lag = settings.SECURITY.chain.endpoints.lag_blocks
        return next(iter(ordered(usable, followed=self.followed, needed=needed, lag=lag)), None)

    def _look(self, name: str, now: datetime, at_least: int | None, *, brief: bool = False) -> Tip | None:
        """What the node says of itself; None where it may not be followed now, or with `brief` where it is not well."""
        session = self.session(name)
        session.seconds = settings.SECURITY.chain.endpoints.probe_seconds if brief else None
        try:
            tip = fetch_tip(session)
            if not session.recognised:
                recognise(node=session, now=now)
                session.recognised = True
            require_modest(session, tip)
        except FAULTS as error:
            self._condemn(name, error, now)
            return None
        finally:
            session.seconds = None
        return tip if self._is_up_to_date(name, tip, now, at_least, brief=brief) else None

    def _is_up_to_date(self, name: str, tip: Tip, now: datetime, at_least: int | None, *, brief: bool) -> bool:
        """Write down how far the node is. One that went back, lags far or stands while others move is left."""
        policy, row = settings.SECURITY.chain.endpoints, self._rows[name]
        final = tip.final.number if tip.final else None
        best = max((other.head_number or 0 for other in self.healthy(but=name)), default=0)
        lags = best - tip.head.number > policy.lag_blocks
        if (tip.head.number, final) != (row.head_number, row.final_number) or _older(row.checked_at, now, 1):
            rows_.store_sight(row, tip, now, level=not lags)
        stands = lags and _older(row.head_at, now, policy.stale_seconds)
        lacking = 0 if at_least is None else at_least - tip.head.number
        if stands or lacking > policy.lag_blocks or (lacking > 0 and name == self.followed):
            self._quarantine_as_behind(name, tip.head.number, at_least, now)
        return not stands and lacking <= (policy.lag_blocks if brief else 0)

    def _quarantine_as_behind(self, name: str, head: int, least: int | None, now: datetime) -> None:
        self._complain(name, "chain_node_behind", {"node_head": head, "head": least})
        self._set_aside(name, EndpointReason.BEHIND, now)

    def _leave(self, found: Followed, error: Exception, now: datetime) -> None:
        """What a failure means for the node. One that threw old logs away is well; another is asked for these."""
        name = found.node.name
        if isinstance(error, NodePruned):
            self._complain(name, NodePruned.code, {})
            self._rows[name].oldest_block = found.node.limits.oldest_block
            return
        self._condemn(name, error, now, head=found.tip.head.number)

    def _condemn(self, name: str, error: Exception, now: datetime, *, head: int | None = None) -> None:
        if isinstance(error, RpcError):
            self._complain(name, "rpc_error", {"rpc_code": error.code})
        elif isinstance(error, (WrongChain, ChainMismatch)):
            log.critical("node is not of this chain", extra={"endpoint": name, "code": error.code, **error.context})
        else:
            self._complain(name, getattr(error, "code", ""), getattr(error, "context", {}))
        self._set_aside(name, verdict(error, head), now)

    def _set_aside(self, name: str, reason: EndpointReason, now: datetime) -> None:
        row = self._rows[name]
        if name == self.followed:
            self.followed = ""
        if reason in FOR_GOOD:
            self._rows[name] = rows_.disable(name, reason, now)
        elif row.reason != reason or row.until is None or row.until <= now:
            self._rows[name] = rows_.quarantine(name, reason, now)
        else:
            return  # it was asked for want of a better one, and its time is not over
        self._settled_at = None

    def _well(self, name: str, now: datetime) -> None:
        self._complaints.pop(name, None)
        if self._rows[name].state == EndpointState.QUARANTINED:
            rows_.heal(self._rows[name], now)
            self._settled_at = None

    def _complain(self, name: str, code: str, details: Mapping[str, object]) -> None:
        """Once for each kind of failure in a row: a node may be away for hours."""
        if self._complaints.get(name) != code:
            log.warning("node does not suffice", extra={"endpoint": name, "code": code, **details})
        self._complaints[name] = code

    def _settle(self, now: datetime) -> None:
        if self._settled_at is None or _older(self._settled_at, now, settings.SECURITY.chain.endpoints.check_seconds):
            settle(self._rows, now)
            self._settled_at = now


def _may_be_asked(row: RpcEndpoint) -> bool:
    """Whether it is well, or may be followed for want of a better one."""
    return row.state == EndpointState.HEALTHY or row.reason in LAST_RESORT


def _older(instant: datetime | None, now: datetime, seconds: float) -> bool:
    return instant is None or abs(now - instant) >= timedelta(seconds=seconds)
