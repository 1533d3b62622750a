"""Examples of requests and answers: each room keeps its own in `api/examples.py`, by operation id.

They tell one story, so they share its cast. A test holds each against its schema and against a real answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig, apps

ORIGIN = "https://bookentry.example"
AT, SOON, LATER = "2026-03-02T09:30:00.250000Z", "2026-03-02T09:30:01.500000Z", "2026-03-02T09:31:12.000000Z"
ISIN, CASH = "DE000AUR0RA7", "USDX"
ISSUER, ALICE, BOB, PLATFORM = (f"0195{n}0c1-7a40-7c1e-9f2b-3d5e6f708192" for n in "cdef")
MAKER, CHECKER, OFFICER = (f"0195{n}0c2-1b51-7d2f-8a3c-4e6f70819203" for n in "cdf")
ALICES_WALLET, BOBS_WALLET = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8", "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc"
TX_HASH = "0x9f2d8c5e1b7a4603d8e5f2c1b0a99887766554433221100ffeeddccbbaa99881"
BLOCK_HASH = "0x4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b"
CURSOR = "W2ZhbHNlLCBbIjIwMjYtMDMtMDJUMDk6MzA6MDAuMjUwMDAwKzAwOjAwIl1d:4v0Xq2mJ8Z3cX7r1yB5nK6tP9wQ0sD2fG4hL7jM1aU"

# By the name of a parameter in a path, or one that a query cannot do without.
PARAMETERS = {
    "isin": ISIN,
    "party_id": ALICE,
    "intent_id": "0195c0d3-2b30-7d55-8c2e-8f90a1b2c3d4",
    "issuance_id": "0195c0d3-2a10-7c44-9b1d-7e8f90a1b2c3",
    "provider": "onfido",
    "event_id": 4711,
    "from": 40000,
    "to": 48213,
    "order_id": "0195c0d4-5d50-7f77-8e40-a1b2c3d4e5f6",
    "run_id": "0195c0d7-8080-7caa-9173-d4e5f6071829",
    "break_id": "0195c0d7-8181-7dbb-8284-e5f607182930",
    "resolution_id": "0195c0d7-8282-7ecc-9395-f60718293041",
    "instruction_id": "0195c0d8-9191-7ecc-8395-f60718293041",
}


@dataclass(frozen=True, slots=True)
class Example:
    """What one operation answers (`data` of the envelope), and the body that asks for it.

    `others` has answers of further statuses that are not refusals. `bare` ones wear no envelope.
    """

    answer: Any
    request: Mapping[str, Any] | None = None
    others: Mapping[int, Any] = field(default_factory=dict)
    bare: bool = False


def page(path: str, *rows: Mapping[str, Any], **extra: Any) -> dict[str, Any]:
    """A first page of a list with more to come."""
    return {
        "results": list(rows),
        "next": f"{ORIGIN}{path}?limit={len(rows)}&cursor={CURSOR}",
        "prev": None,
        "has_more": True,
    } | extra


@cache
def all_examples() -> dict[str, Example]:
    """Every room's examples by operation id. Raises ValueError where two rooms name one operation."""
    found: dict[str, Example] = {}
    for config in apps.get_app_configs():
        new = _examples_of(config) if config.name.startswith("apps.") else {}
        if twice := sorted(new.keys() & found.keys()):
            raise ValueError(f"examples given twice: {', '.join(twice)}")
        found |= new
    return found


def _examples_of(config: AppConfig) -> dict[str, Example]:
    # The room of the API itself has no `api` of its own.
    for name in (f"{config.name}.api.examples", f"{config.name}.examples"):
        if find_spec(name.rpartition(".")[0]) and find_spec(name):
            found: dict[str, Example] = import_module(name).EXAMPLES
            return found
    return {}
