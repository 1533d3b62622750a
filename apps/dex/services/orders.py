"""Placing and canceling orders: the decision is recorded, the command queued, the matcher's verdict awaited."""

import hashlib
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from apps.compliance.services.eligibility import require_eligible
from apps.compliance.types import Action
from apps.core.actor import Actor
from apps.core.db import fetch_one, unit_of_work, within_unit_of_work
from apps.core.ids import new_id
from apps.core.money import parse_base_units
from apps.dex.errors import DuplicateCommand, InvalidPrice, InvalidQuantity, SecurityHalted, UnknownOrder, rejection
from apps.dex.instruments import instrument_of
from apps.dex.matching import Instrument
from apps.dex.models import Command
from apps.dex.selectors import commands
from apps.dex.selectors.orders import order_view
from apps.dex.services.verdicts import VerdictWaiter
from apps.dex.types import CommandKind, CommandReceipt, OrderTicket, OrderView
from apps.ledger.services.accounts import ensure_accounts
from apps.ledger.types import AccountKind
from apps.securities.selectors.securities import security
from apps.securities.types import SecurityView

INBOX = "dex_inbox"
SHARD = "main"
# Command, inbox row and wake-up in one round trip; nothing where the client id is taken.
RECORD = """
WITH recorded AS (
    INSERT INTO dex_command ({columns}) VALUES ({marks})
    ON CONFLICT ON CONSTRAINT dex_command_once DO NOTHING RETURNING id, shard
), waiting AS (
    INSERT INTO dex_inbox (command_id, shard) SELECT id, shard FROM recorded
)
SELECT id, pg_notify(%s, shard) FROM recorded
"""
# How long a POST waits for the matcher before it answers 202.
PATIENCE_SECONDS = 1.0


def submit_order(*, actor: Actor, ticket: OrderTicket, now: datetime, patience: float = PATIENCE_SECONDS) -> OrderView:
    """Place an order and wait a moment for the matcher; the order as it then stands (PENDING if still undecided).

    Raises what place_order() raises, and the matcher's rejection: InsufficientAvailable, InvalidPrice,
    InvalidQuantity, SecurityHalted, OrderRejected.
    """
    receipt = place_order(actor=actor, ticket=ticket, now=now)
    receipt = VerdictWaiter.of_process().decided(receipt, patience)
    if receipt.code:
        raise rejection(receipt.code, order_id=str(receipt.order_id))
    return order_view(receipt.order_id)


def place_order(*, actor: Actor, ticket: OrderTicket, now: datetime) -> CommandReceipt:
    """Record the eligibility decision and queue the order for the matcher.

    Quantity in units of the security, price in units of its cash asset per unit. The same client id with the
    same content gives the first command's receipt. Raises TransferRestricted, SecurityHalted, InvalidPrice,
    InvalidQuantity, DuplicateCommand (same id, other content), UnknownSecurity.
    """
    party_id = actor.require_party()
    print_ = fingerprint(CommandKind.NEW, vars_of(ticket))
    with unit_of_work():
        if earlier := commands.by_client_id(party_id, ticket.client_order_id):
            return same_or_conflict(earlier, print_)
        terms = security(ticket.isin)
        price, quantity = _base_units(ticket, terms)
        wallet = _eligible_wallet(party_id, ticket.isin, now)
        position, cash = _accounts(terms, wallet)
        command = _command(actor, CommandKind.NEW, ticket.client_order_id, print_, ticket.isin, new_id(), now)
        command.side, command.order_type, command.time_in_force = ticket.side, ticket.order_type, ticket.time_in_force
        command.price, command.quantity, command.wallet_address = price, quantity, wallet
        command.position_account_id, command.cash_account_id = position, cash
        return enqueue(command)


def cancel_order(
    *, actor: Actor, order_id: UUID, now: datetime, client_cancel_id: str = "", patience: float = PATIENCE_SECONDS
) -> OrderView:
    """Ask for the unfilled part of an order back and wait a moment; the order as it then stands.

    Without `client_cancel_id` a repeated cancel is the same command. Raises UnknownOrder (none, or another
    party's), OrderDone, DuplicateCommand.
    """
    receipt = _queue_cancel(actor, order_id, client_cancel_id, now)
    receipt = VerdictWaiter.of_process().decided(receipt, patience)
    if receipt.code:
        raise rejection(receipt.code, order_id=str(order_id))
    return order_view(order_id)


def _queue_cancel(actor: Actor, order_id: UUID, client_cancel_id: str, now: datetime) -> CommandReceipt:
    party_id = actor.require_party()
    client_id = client_cancel_id or f"cancel:{order_id}"
    print_ = fingerprint(CommandKind.CANCEL, {"order_id": str(order_id)})
    with unit_of_work():
        if earlier := commands.by_client_id(party_id, client_id):
            return same_or_conflict(earlier, print_)
        placed = commands.that_placed(order_id, party_id)
        if placed is None:
            raise UnknownOrder
        return enqueue(_command(actor, CommandKind.CANCEL, client_id, print_, placed.isin, order_id, now))


@within_unit_of_work
def enqueue(command: Command) -> CommandReceipt:
    """Append the command and its inbox row and wake the matcher at commit.

    If the same client id was recorded meanwhile, the first one counts: only who wrote a command queues it, for by
    now it may be decided. Raises DuplicateCommand.
    """
    fields = [field for field in Command._meta.concrete_fields if not field.primary_key]
    columns, marks = ", ".join(str(f.column) for f in fields), ", ".join(["%s"] * len(fields))
    values = [f.get_db_prep_save(f.pre_save(command, add=True), connection) for f in fields]
    row = fetch_one(RECORD.format(columns=columns, marks=marks), [*values, INBOX])
    if row is None:
        return _recorded_meanwhile(command)
    return CommandReceipt(row[0], command.order_id, command.kind, decided=False)


def _recorded_meanwhile(command: Command) -> CommandReceipt:
    recorded = commands.by_client_id(command.party_id, command.client_command_id)
    if recorded is None:
        raise RuntimeError("a command that conflicts with nothing is there")
    return same_or_conflict(recorded, command.fingerprint)


def same_or_conflict(earlier: Command, print_: str) -> CommandReceipt:
    """The receipt of a command sent again. Raises DuplicateCommand if the content differs."""
    if earlier.fingerprint != print_:
        raise DuplicateCommand(client_order_id=earlier.client_command_id)
    return commands.receipt(earlier)


def fingerprint(kind: str, content: dict[str, Any]) -> str:
    """What makes two commands the same."""
    return hashlib.sha256(json.dumps([kind, content], sort_keys=True).encode()).hexdigest()


def vars_of(ticket: OrderTicket) -> dict[str, str]:
    """The ticket's content, without its client id."""
    names = ("isin", "side", "price", "quantity", "order_type", "time_in_force")
    return {name: str(getattr(ticket, name)) for name in names}


def _base_units(ticket: OrderTicket, terms: SecurityView) -> tuple[int, int]:
    """Price and quantity in base units, within the security's terms."""
    if terms.status != "ACTIVE":
        raise SecurityHalted(isin=terms.isin, status=terms.status)
    quantity = parse_base_units(ticket.quantity, terms.quantity_decimals)
    price = parse_base_units(ticket.price, terms.terms.cash_decimals)
    _require_within(instrument_of(terms), price, quantity)
    return price, quantity


def _require_within(instrument: Instrument, price: int, quantity: int) -> None:
    if quantity % instrument.lot or not instrument.min_quantity <= quantity <= instrument.max_quantity:
        raise InvalidQuantity
    if price % instrument.tick or not 0 < price <= instrument.max_price:
        raise InvalidPrice


def _eligible_wallet(party_id: UUID, isin: str, now: datetime) -> str:
    """The wallet that the decision was about. Raises TransferRestricted."""
    decision = require_eligible(party_id=party_id, isin=isin, action=Action.ORDER, now=now)
    if decision.wallet_address is None:
        raise RuntimeError("no rule allows an order without a wallet")
    return decision.wallet_address


def _accounts(terms: SecurityView, wallet: str) -> tuple[UUID, UUID]:
    """The wallet's position and cash account, made if this is its first order."""
    position = (terms.isin, AccountKind.POSITION, wallet)
    cash = (terms.terms.cash_asset, AccountKind.CASH, wallet)
    found = ensure_accounts(keys={position, cash})
    return found[position], found[cash]  # type: ignore[index]


def _command(
    actor: Actor, kind: CommandKind, client_id: str, print_: str, isin: str, order_id: UUID, now: datetime
) -> Command:
    return Command(
        kind=kind,
        shard=SHARD,
        party_id=actor.require_party(),
        user_id=actor.user_id,
        client_command_id=client_id,
        fingerprint=print_,
        isin=isin,
        order_id=order_id,
        request_id=actor.request_id,
        received_at=now,
    )
