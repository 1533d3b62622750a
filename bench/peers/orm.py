"""The usual way: a transaction per order, rows locked, models saved one by one. Our rows, less the journal."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F

from apps.core import clock
from apps.core.models import OutboxEvent, OutboxPending
from apps.dex.models import Command, Inbox, Order, Trade, Verdict
from apps.ledger.models import LedgerBalance, LedgerHoldEntry, LedgerTransfer
from apps.securities.selectors.securities import security
from apps.securities.types import SecurityView
from apps.settlement.models import SettlementInstruction, SettlementStatusEvent
from apps.settlement.services.instructions import dvp_id


def process(isin: str) -> None:
    """Decide every waiting command, each in a transaction of its own."""
    view = security(isin)
    for command in list(Command.objects.filter(inbox__isnull=False).order_by("pk")):
        with transaction.atomic():
            _place(command, view)


def _place(command: Command, view: SecurityView) -> None:
    account_id, hold = _hold(command, view, command.price, command.quantity)
    balance = LedgerBalance.objects.select_for_update().get(account_id=account_id)
    accepted = balance.posted - balance.held >= hold
    order = Order(
        id=command.order_id,
        command=command,
        party_id=command.party_id,
        isin=command.isin,
        side=command.side,
        order_type=command.order_type,
        time_in_force=command.time_in_force,
        price=command.price,
        quantity=command.quantity,
        status="OPEN" if accepted else "REJECTED",
        reason=None if accepted else "INSUFFICIENT",
        wallet_address=command.wallet_address,
        position_account_id=command.position_account_id,
        cash_account_id=command.cash_account_id,
        place=command.pk,
        created_at=command.received_at,
    )
    order.save(force_insert=True)
    if accepted:
        _entry(f"order:{order.pk}:place", account_id, hold, order)
        _match(order, view)
    Verdict.objects.create(command=command, seq=0, code=order.reason)
    Inbox.objects.filter(pk=command.pk).delete()


def _hold(order: Order | Command, view: SecurityView, price: int, quantity: int) -> tuple[object, int]:
    if order.side == "SELL":
        return order.position_account_id, quantity
    return order.cash_account_id, price * quantity // 10**view.quantity_decimals


def _entry(key: str, account_id: object, amount: int, order: Order) -> None:
    LedgerHoldEntry.objects.create(idem_key=key, account_id=account_id, amount=amount, source_ref=f"order:{order.pk}")
    LedgerBalance.objects.filter(account_id=account_id).update(held=F("held") + amount)


def _match(taker: Order, view: SecurityView) -> None:
    while taker.filled < taker.quantity and (maker := _best(taker)) is not None:
        _trade(taker, maker, min(taker.quantity - taker.filled, maker.quantity - maker.filled), view)
    taker.save()


def _best(taker: Order) -> Order | None:
    resting = Order.objects.open().filter(isin=taker.isin).exclude(party_id=taker.party_id).select_for_update()
    if taker.side == "BUY":
        return resting.filter(side="SELL", price__lte=taker.price).order_by("price", "place").first()
    return resting.filter(side="BUY", price__gte=taker.price).order_by("-price", "place").first()


def _trade(taker: Order, maker: Order, quantity: int, view: SecurityView) -> None:
    buyer, seller = (taker, maker) if taker.side == "BUY" else (maker, taker)
    cash, now = maker.price * quantity // 10**view.quantity_decimals, clock.now()
    trade = Trade.objects.create(
        id=Trade.objects.count() + 1,
        isin=taker.isin,
        maker_order_id=maker.pk,
        taker_order_id=taker.pk,
        buyer_party_id=buyer.party_id,
        seller_party_id=seller.party_id,
        taker_side=taker.side,
        price=maker.price,
        quantity=quantity,
        cash_asset=view.terms.cash_asset,
        cash_amount=cash,
        seq=0,
        executed_at=now,
    )
    for order in (taker, maker):
        order.filled += quantity
        order.status = "FILLED" if order.filled == order.quantity else "PARTIAL"
        account_id, freed = _hold(order, view, order.price, quantity)
        _entry(f"trade:{trade.pk}:{order.pk}", account_id, -freed, order)
    maker.save()
    _legs(trade, buyer, seller, quantity, cash)
    _instruct(trade, buyer, seller, quantity, cash)


def _legs(trade: Trade, buyer: Order, seller: Order, quantity: int, cash: int) -> None:
    for name, debit, credit, amount in (
        ("security", seller.position_account_id, buyer.position_account_id, quantity),
        ("cash", buyer.cash_account_id, seller.cash_account_id, cash),
    ):
        LedgerTransfer.objects.create(
            idem_key=f"trade:{trade.pk}:{name}",
            debit_account_id=debit,
            credit_account_id=credit,
            amount=amount,
            kind=f"SETTLEMENT_{name.upper()}",
            source_ref=f"trade:{trade.pk}",
            effective_at=trade.executed_at,
            state="PENDING",
        )
        LedgerBalance.objects.filter(account_id=debit).update(held=F("held") + amount, pending=F("pending") + amount)


def _instruct(trade: Trade, buyer: Order, seller: Order, quantity: int, cash: int) -> None:
    now = trade.executed_at
    instruction = SettlementInstruction(
        trade_ref=f"trade:{trade.pk}",
        isin=trade.isin,
        seller_party_id=seller.party_id,
        buyer_party_id=buyer.party_id,
        seller_wallet=seller.wallet_address,
        buyer_wallet=buyer.wallet_address,
        security_debit_account_id=seller.position_account_id,
        security_credit_account_id=buyer.position_account_id,
        cash_debit_account_id=buyer.cash_account_id,
        cash_credit_account_id=seller.cash_account_id,
        quantity=quantity,
        cash_asset=trade.cash_asset,
        cash_amount=cash,
        trade_date=now.date(),
        intended_settlement_date=now.date(),
        deadline=now + timedelta(days=1),
        next_attempt_at=now,
        created_at=now,
    )
    instruction.dvp_id = dvp_id(instruction.pk)
    instruction.save(force_insert=True)
    SettlementStatusEvent.objects.create(
        instruction=instruction, processing_status="PACK", settlement_status="PEND", reason_code="", reason_detail=""
    )
    for order in (buyer, seller):
        event = OutboxEvent.objects.create(topic="bench.order_filled", key=str(order.pk), payload={"isin": trade.isin})
        OutboxPending.objects.create(event=event)
