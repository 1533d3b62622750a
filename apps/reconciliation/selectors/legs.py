"""Trades that settled with one leg: on the chain by its logs, in the books by their postings.

Reads the tables of chain, ledger and settlement, in the snapshot the caller holds open.
"""

from apps.chain.selectors.topics import TRANSFER, topics_of
from apps.chain.types.events import TradeSettled
from apps.core.db import fetch_all
from apps.reconciliation.classifying.legs import BookedLegs, SettledLegs

# A leg is a Transfer of exactly so much between the two, in the trade's own transaction. Of trades that are alike in
# one transaction there are as many legs.
ON_CHAIN = """
    WITH trade AS (
        SELECT l.block_id, l.block_number, b.hash, l.tx_hash, l.log_index, substring(l.topics, 33, 32) AS dvp_id,
               substring(l.topics, 65, 32) AS seller, substring(l.topics, 97, 32) AS buyer,
               substring(l.data, 13, 20) AS security, substring(l.data, 33, 32) AS quantity,
               substring(l.data, 77, 20) AS payment, substring(l.data, 97, 32) AS price
        FROM chain_rawlog l JOIN chain_block b ON b.id = l.block_id
        WHERE b.canonical AND substring(l.topics, 1, 32) = %(settled)s AND NOT (substring(l.topics, 1, 32) = %(moved)s)
          AND l.block_number > %(after)s AND l.block_number <= %(block)s AND l.address = %(contract)s
          AND octet_length(l.data) = 128 AND substring(l.data, 13, 20) = %(token)s
    ), alike AS (
        SELECT trade.*,
               count(*) OVER (PARTITION BY block_id, tx_hash, security, seller, buyer, quantity) AS securities,
               count(*) OVER (PARTITION BY block_id, tx_hash, payment, seller, buyer, price) AS payments
        FROM trade
    ), legs AS (
        SELECT alike.*,
               (SELECT count(*) FROM chain_rawlog x WHERE x.block_id = alike.block_id AND x.tx_hash = alike.tx_hash
                AND x.address = security AND x.topics = %(moved)s || seller || buyer AND x.data = quantity)
                   >= securities AS has_security,
               (SELECT count(*) FROM chain_rawlog x WHERE x.block_id = alike.block_id AND x.tx_hash = alike.tx_hash
                AND x.address = payment AND x.topics = %(moved)s || buyer || seller AND x.data = price)
                   >= payments AS has_payment
        FROM alike
    )
    SELECT hash, block_number, log_index, tx_hash, dvp_id, substring(seller, 13), substring(buyer, 13), payment,
           quantity, price, has_security, has_payment,
           (SELECT max(x.data) FROM chain_rawlog x WHERE x.block_id = legs.block_id AND x.tx_hash = legs.tx_hash
            AND x.address = security AND x.topics = %(moved)s || seller || buyer AND x.data < quantity),
           (SELECT max(x.data) FROM chain_rawlog x WHERE x.block_id = legs.block_id AND x.tx_hash = legs.tx_hash
            AND x.address = payment AND x.topics = %(moved)s || buyer || seller AND x.data < price)
    FROM legs WHERE NOT (has_security AND has_payment) ORDER BY block_number, log_index
"""
IN_BOOKS = """
    SELECT i.id, i.trade_ref, i.tx_hash, i.seller_wallet, i.buyer_wallet, i.quantity, i.cash_amount,
           i.cash_asset, s.id IS NOT NULL, c.id IS NOT NULL
    FROM settlement_settlementinstruction i
    LEFT JOIN ledger_transfer s ON s.idem_key = i.trade_ref || ':security:posted'
    LEFT JOIN ledger_transfer c ON c.idem_key = i.trade_ref || ':cash:posted'
    WHERE i.isin = %(isin)s AND i.settlement_status = 'SETT' AND (s.id IS NULL OR c.id IS NULL)
    ORDER BY i.id
"""


def one_legged_on_chain(*, contract: str, token: str, after_block: int, block: int) -> list[SettledLegs]:
    """Trades of a security our contract reported settled, in blocks after one up to another, without both legs."""
    params = {
        "settled": _bytes(topics_of(TradeSettled)[0]),
        "moved": _bytes(TRANSFER),
        "contract": _bytes(contract),
        "token": _bytes(token),
        "after": after_block,
        "block": block,
    }
    return [_legs(row) for row in fetch_all(ON_CHAIN, params)]


def one_legged_in_books(*, isin: str) -> list[BookedLegs]:
    """Instructions that are settled here and have not posted both legs."""
    return [
        BookedLegs(str(pk), ref, tx_hash, seller, buyer, int(quantity), int(amount), cash, security_leg, cash_leg)
        for pk, ref, tx_hash, seller, buyer, quantity, amount, cash, security_leg, cash_leg in fetch_all(
            IN_BOOKS, {"isin": isin}
        )
    ]


def _legs(row: tuple[object, ...]) -> SettledLegs:
    hash_, number, index, tx, dvp_id, seller, buyer, payment, quantity, amount, security, cash, units, paid = row
    return SettledLegs(
        block_hash=str(hash_),
        block_number=int(number),  # type: ignore[call-overload]
        log_index=int(index),  # type: ignore[call-overload]
        tx_hash=_hex(tx),
        dvp_id=_hex(dvp_id),
        seller=_hex(seller),
        buyer=_hex(buyer),
        payment=_hex(payment),
        quantity=_int(quantity),
        amount=_int(amount),
        has_security=bool(security),
        has_payment=bool(cash),
        received=_int(units) if units is not None else None,
        paid=_int(paid) if paid is not None else None,
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _hex(value: object) -> str:
    return "0x" + bytes(value).hex()  # type: ignore[call-overload]


def _int(word: object) -> int:
    return int.from_bytes(bytes(word), "big")  # type: ignore[call-overload]
