"""Examples."""

from typing import Any

from apps.core.http.examples import ALICES_WALLET, BLOCK_HASH, CASH, ISIN, LATER, SOON, Example

QUERY: dict[str, Any] = {"isin": ISIN, "status": None, "date_from": "2026-03-01", "date_to": "2026-03-31"}


def report(name: str, row: dict[str, Any]) -> Example:
    """A report of one security."""
    return Example(
        answer={
            "name": name,
            "as_of": LATER,
            "ledger_sequence": 20_415,
            "block_number": 19_204_511,
            "block_hash": BLOCK_HASH,
            "filters": QUERY,
            "row_count": 1,
            "sha256": "72e8e45b0e1eeb7368bbcf6f9729c5744404bbfe775afba5bb00c266d2a3cb40",
            "rows": [{"isin": ISIN} | row],
        }
    )


TRADING = {
    "cash_asset": CASH,
    "orders": 31,
    "orders_rejected": 1,
    "quantity_ordered": "1240",
    "quantity_filled": "900",
    "fill_rate": "0.7258",
    "trades": 22,
    "volume": "450",
    "turnover": "46125.000000",
    "vwap": "102.500000",
    "average_trade_value": "2096.590909",
    "order_to_trade_ratio": "1.4091",
}
SETTLEMENT = {
    "cash_asset": CASH,
    "instructions": 22,
    "cash_value": "46125.000000",
    "settled": 21,
    "settled_cash_value": "44587.500000",
    "settlement_rate_by_count": "0.9545",
    "settlement_rate_by_value": "0.9667",
    "by_status": [
        {"status": "SETT", "reason": None, "instructions": 21, "quantity": "435", "cash_value": "44587.500000"},
        {"status": "PENF", "reason": "MONY", "instructions": 1, "quantity": "15", "cash_value": "1537.500000"},
    ],
    "failing": [{"days": "0-2", "instructions": 1, "cash_value": "1537.500000", "oldest_days": 1}],
}
ISSUANCE = {
    "name": "Aurora Grid 2031",
    "authorized": "10000",
    "issued": "4500",
    "reserved": "500",
    "outstanding": "4500",
    "holders": 214,
    "top_holders": [{"wallet_address": ALICES_WALLET, "quantity": "500", "share": "0.1111"}],
    "requests": [{"status": "COMPLETED", "requests": 9, "quantity": "4500"}],
    "pending_requests": 1,
    "pending_quantity": "500",
}
RECONCILIATION = {
    "runs": 31,
    "runs_by_status": [{"status": "CLEAN", "runs": 30}, {"status": "BREAKS", "runs": 1}],
    "breaks_open": 1,
    "breaks": [
        {
            "kind": "AMOUNT",
            "state": "OPEN",
            "breaks": 1,
            "first_seen_at": SOON,
            "oldest_days": 0,
            "aged": 0,
        }
    ],
    "ageing": {
        "open": 1,
        "aged": 0,
        "oldest_days": 0,
        "by_age": [
            {"days": "0-7", "breaks": 1},
            {"days": "8-30", "breaks": 0},
            {"days": "over 30", "breaks": 0},
        ],
        "month_end": "2026-02-28",
        "due_date": "2026-03-13",
        "aged_at_month_end": 1,
        "aged_quantity": "15",
        "without_quantity": 0,
        "price": "102.500000",
        "priced_at": SOON,
        "cash_asset": CASH,
        "aged_value": "1537.500000",
        "capitalization": "461250.000000",
        "instrument": "EQUITY",
        "threshold_usd": 50_000,
        "exceeds_threshold": False,
        "unknown": [],
    },
    "last_run": {
        "id": "0195c0d7-8080-7caa-9173-d4e5f6071829",
        "status": "BREAKS",
        "finished_at": LATER,
        "block_number": 19_204_511,
        "block_hash": BLOCK_HASH,
        "ledger_sequence": 20_415,
    },
}

EXAMPLES = {
    "trading_report": report("trading", TRADING),
    "settlement_report": report("settlement", SETTLEMENT),
    "issuance_report": report("issuance", ISSUANCE),
    "reconciliation_report": report("reconciliation", RECONCILIATION),
}
