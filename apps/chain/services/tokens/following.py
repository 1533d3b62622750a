"""Tokens on their way, a step at a time: once their past is stored it is checked, and once checked they are opened."""

import logging
from datetime import datetime, timedelta

from apps.chain.errors import NotCovered, UndecodedLogs
from apps.chain.gateway import Node
from apps.chain.models import TokenBinding, TokenCheck
from apps.chain.selectors import blocks
from apps.chain.selectors.logs import is_covered
from apps.chain.services import holders
from apps.chain.services.tokens.checking import Check, check_token, record_check
from apps.chain.services.tokens.opening import go_live, locked, open_token
from apps.chain.types import FOLDS_OF, BindingState, Folds, TokenStandard
from apps.core.alerts import raise_alert, resolve_alert
from apps.core.daemon import Leadership
from apps.core.db import unit_of_work, within_unit_of_work
from apps.core.types import Severity

log = logging.getLogger(__name__)

RETRY = timedelta(minutes=1)
ON_THEIR_WAY = (BindingState.BACKFILLING, BindingState.CHECKING, BindingState.DEPLOYED)
UNEQUAL = "FOLD_DIFFERS"


def alert_key(isin: str) -> str:
    """The alert of a token whose logs do not tell its balances."""
    return f"chain.check:{isin}"


def follow_tokens(*, node: Node, leadership: Leadership, now: datetime) -> bool:
    """Take each token one step on; true if any moved. Raises Deposed, and ChainUnavailable as the node answers."""
    waiting = TokenBinding.objects.filter(state__in=ON_THEIR_WAY, valid_to_block=None).order_by("isin")
    moved = [_step(binding, node, leadership, now) for binding in waiting if is_covered(str(binding.address))]
    return any(moved)


def _step(binding: TokenBinding, node: Node, leadership: Leadership, now: datetime) -> bool:
    if binding.state == BindingState.DEPLOYED:
        with unit_of_work():
            leadership.fence()
            return go_live(isin=binding.isin, now=now)
    if binding.state == BindingState.BACKFILLING:
        with unit_of_work():
            leadership.fence()
            return _move(binding.isin, BindingState.CHECKING)
    return _check(binding, node, leadership, now)


@within_unit_of_work
def _move(isin: str, to: BindingState) -> bool:
    rows = TokenBinding.objects.filter(isin=isin, valid_to_block=None, state=BindingState.BACKFILLING)
    return bool(rows.update(state=to))


def _check(binding: TokenBinding, node: Node, leadership: Leadership, now: datetime) -> bool:
    """Hold the fold against storage. Where they differ, the next family of events is tried at once, all again later."""
    final = blocks.final_head()
    if final is None or not _is_time(binding, final.number, now):
        return False
    try:
        check = check_token(node=node, token=str(binding.address), block_hash=final.hash)
    except (NotCovered, UndecodedLogs) as error:
        # Of what could not be read nothing may be concluded; the dead letter has its own page.
        log.info("token not checked", extra={"isin": binding.isin, "code": error.code})
        return False
    with unit_of_work():
        leadership.fence()
        held = locked(binding.isin)
        if held is None or (held.state, held.folds) != (binding.state, binding.folds):
            return False
        record_check(binding=held, check=check, now=now)
        return _conclude(held, check, now)


def _is_time(binding: TokenBinding, final_number: int, now: datetime) -> bool:
    """Not before the token's first block is final, and after a failure only once in a while."""
    if binding.deploy_block is None or binding.deploy_block > final_number:
        return False
    last = TokenCheck.objects.filter(binding=binding).order_by("-id").first()
    return not binding.reason or last is None or not timedelta() <= now - last.at < RETRY


@within_unit_of_work
def _conclude(binding: TokenBinding, check: Check, now: datetime) -> bool:
    if check.passed:
        binding.reason = ""
        open_token(binding, None, now)
        resolve_alert(dedup_key=alert_key(binding.isin), now=now)
        return True
    tries = FOLDS_OF[TokenStandard(binding.standard)]
    following = tries[(tries.index(Folds(binding.folds)) + 1) % len(tries)]
    if check.differences and following != binding.folds:
        _fold_by(binding, following)
    if following == tries[0] or check.unread:
        binding.reason = UNEQUAL if check.differences else "UNREAD"
        binding.save(update_fields=["reason"])
        _alarm(binding.isin, check, now)
        return False
    return True


@within_unit_of_work
def _fold_by(binding: TokenBinding, folds: Folds) -> None:
    """Fold the token's balances anew, from the other events it emits."""
    binding.folds = folds
    binding.save(update_fields=["folds"])
    holders.join(addresses=[str(binding.address)])


@within_unit_of_work
def _alarm(isin: str, check: Check, now: datetime) -> None:
    """Wallets are named in the check's own row: an alert goes to channels."""
    summary = (
        f"{isin}: at block {check.block_number} the storage of {check.token} differs from its logs for"
        f" {len(check.differences)} of {check.holders} holders and the supply; {check.unread} could not be read"
    )
    raise_alert(dedup_key=alert_key(isin), severity=Severity.ERROR, summary=summary, now=now)
