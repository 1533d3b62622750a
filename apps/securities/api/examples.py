"""Examples."""

from typing import Any

from apps.core.http.examples import AT, CASH, ISIN, ISSUER, Example, page

NEW: dict[str, Any] = {
    "isin": ISIN,
    "name": "Aurora Grid 2031",
    "cfi": "DBFUFR",
    "exemption": "REG_D_506C",
    "quantity_decimals": 0,
    "authorized_quantity": "10000",
    "cash_asset": CASH,
    "tick": "0.25",
    "lot": "1",
    "min_quantity": "1",
    "max_quantity": "1000",
    "days_to_settle": 0,
}
SECURITY: dict[str, Any] = {
    "isin": ISIN,
    "issuer_party_id": ISSUER,
    "name": "Aurora Grid 2031",
    "cfi": "DBFUFR",
    "exemption": "REG_D_506C",
    "quantity_decimals": 0,
    "authorized_quantity": "10000",
    "status": "ACTIVE",
    "created_at": AT,
    "terms": {
        "cash_asset": CASH,
        "cash_decimals": 6,
        "tick": "0.250000",
        "lot": "1",
        "min_quantity": "1",
        "max_quantity": "1000",
        "days_to_settle": 0,
    },
}

EXAMPLES = {
    "list_securities": Example(answer=page("/api/securities", SECURITY)),
    "create_security": Example(request=NEW, answer=SECURITY | {"status": "DRAFT"}),
    "read_security": Example(answer=SECURITY),
}
