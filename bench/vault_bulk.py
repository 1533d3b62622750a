"""Rows with two encrypted texts created and read a second, beside the same rows with the texts in the clear.

By Django's bulk_create() (create), and by iterating a queryset, on the durable PostgreSQL, in the same database. `read`
has the rows with what is sealed in them; `open` also decrypts both texts of every row, and has no bar of its own. Rows
of 100 subjects whose keys are known, as of those whose rows are re-screened; `own_key` is the same where every row is a
new subject's: its key is made, wrapped and stored with it.
"""

from collections.abc import Callable
from operator import truediv
from statistics import median
from typing import Any
from uuid import UUID, uuid4

from bench.books import fresh_books, set_up
from bench.measure import stopwatch

NAME = "vault.bulk"
ROUNDS, ROWS, BATCH, SUBJECTS = 9, 10_000, 2000, 100
BAR = 0.6


def report(say: Callable[[str], None]) -> dict[str, Any]:
    """Median rates of creating, reading and opening, and the medians of each round's ratios to its plain rates."""
    set_up()
    from bench.rows.sealed import Open, Sheltered

    found: dict[str, list[float]] = {}
    with fresh_books():
        _make_tables([Open, Sheltered])
        few = [uuid4() for _ in range(SUBJECTS)]
        for number in range(ROUNDS + 1):
            for side, model, subjects in (
                ("plain", Open, few),
                ("sealed", Sheltered, few),
                ("own_key", Sheltered, [uuid4() for _ in range(ROWS)]),
            ):
                rates = _rates(model, subjects)
                if number:  # the first round makes the subjects' keys
                    for act, rate in rates.items():
                        found.setdefault(f"{side}_{act}", []).append(rate)
                    told = ", ".join(f"{act} {rate:,.0f}" for act, rate in rates.items())
                    say(f"round {number}/{ROUNDS} {side}: {told} rows/s")
    rates = {name: round(median(taken)) for name, taken in found.items()}
    ratios = {
        f"{side}_{act}_ratio": round(median(map(truediv, found[f"{side}_{act}"], found[f"plain_{act}"])), 2)
        for side in ("sealed", "own_key")
        for act in ("create", "read", "open")
    }
    met = min(ratios[f"sealed_{act}_ratio"] for act in ("create", "read")) >= BAR
    return {**rates, **ratios, "bar": BAR, "met": met, "unit": "rows/s"}


def _rates(model: Any, subjects: list[UUID]) -> dict[str, float]:
    from apps.core import clock

    now = clock.now()
    rows = [
        model(party_id=subjects[n % len(subjects)], name=f"Ada Example {n}", email=f"{n}@example.com", created_at=now)
        for n in range(ROWS)
    ]
    with stopwatch() as creating:
        for start in range(0, ROWS, BATCH):
            model.objects.bulk_create(rows[start : start + BATCH])
    del rows
    with stopwatch() as reading:
        count = sum(row.country == "LI" for row in model.objects.iterator(chunk_size=BATCH))
    with stopwatch() as opening:
        length = sum(len(row.name) + len(row.email) for row in model.objects.iterator(chunk_size=BATCH))
    if count != ROWS or length < 20 * ROWS:
        raise RuntimeError("the rows did not come back")
    model.objects.all().delete()
    return {"create": ROWS / creating(), "read": ROWS / reading(), "open": ROWS / opening()}


def _make_tables(models: list[Any]) -> None:
    from django.db import connection, connections

    role = connection.settings_dict["USER"]
    with connections["owner"].schema_editor() as editor:
        for model in models:
            editor.create_model(model)
            editor.execute(f'GRANT ALL ON "{model._meta.db_table}" TO "{role}"')
