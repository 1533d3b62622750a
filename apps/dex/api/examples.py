"""Examples."""

from typing import Any

from apps.core.http.examples import AT, ISIN, SOON, Example, page

ORDER_ID = "0195c0d4-5d50-7f77-8e40-a1b2c3d4e5f6"
TICKET: dict[str, Any] = {
    "client_order_id": "alice-2026-03-02-001",
    "isin": ISIN,
    "side": "BUY",
    "order_type": "LIMIT",
    "price": "102.50",
    "quantity": "40",
    "time_in_force": "GTC",
}
FILL: dict[str, Any] = {
    "trade_id": 1807,
    "price": "102.500000",
    "quantity": "15",
    "cash_amount": "1537.500000",
    "executed_at": SOON,
}
ORDER: dict[str, Any] = TICKET | {
    "order_id": ORDER_ID,
    "price": "102.500000",
    "filled_quantity": "15",
    "remaining_quantity": "25",
    "status": "PARTIAL",
    "reason": None,
    "created_at": AT,
    "fills": [FILL],
}
# The matcher has not seen it yet.
UNSEEN = ORDER | {"filled_quantity": "0", "remaining_quantity": "40", "status": "PENDING", "fills": []}
CANCELED = ORDER | {"remaining_quantity": "0", "status": "CANCELED", "reason": "REQUESTED"}

EXAMPLES = {
    "place_order": Example(request=TICKET, answer=ORDER, others={202: UNSEEN}),
    "list_orders": Example(answer=page("/api/dex/orders", ORDER)),
    "get_order": Example(answer=ORDER),
    "cancel_order": Example(
        request={"client_cancel_id": "alice-2026-03-02-001-c"}, answer=CANCELED, others={202: ORDER}
    ),
    "orderbook": Example(
        answer={
            "isin": ISIN,
            "sequence": 90_312,
            "bids": [{"price": "102.500000", "quantity": "25", "orders": 1}],
            "asks": [
                {"price": "102.750000", "quantity": "60", "orders": 2},
                {"price": "103.000000", "quantity": "100", "orders": 1},
            ],
        }
    ),
    "list_trades": Example(
        answer=page(
            "/api/dex/trades",
            {
                "trade_id": 1807,
                "isin": ISIN,
                "price": "102.500000",
                "quantity": "15",
                "taker_side": "BUY",
                "executed_at": SOON,
            },
            as_of_sequence=1807,
        )
    ),
}
