"""What the database refuses of breaks and resolutions, where somebody writes past the services."""

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.core.actor import Actor
from apps.core.ids import new_id
from apps.ledger.models import LedgerTransfer
from apps.reconciliation.models import Break, BreakEvent
from apps.reconciliation.tests.acts import written
from apps.reconciliation.tests.factories import approve, make_asset, make_break, make_wallet, missing, propose

APPROVE_BY_SQL = """
UPDATE reconciliation_resolution SET state = 'REJECTED', decided_by = %s, decided_at = now() WHERE id = %s
"""


def run_alone(statement: str, params: list[Any]) -> None:
    """One statement as the application's role, in a transaction of its own."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, params)


class TestTheDatabase:
    """What the application's role is refused when it writes past the services."""

    def test_38_refuses_one_person_for_both(self, row: Break, maker: Actor) -> None:
        made, before = propose(row, maker), written()
        with pytest.raises(IntegrityError, match="recon_resolution_two_people"):
            run_alone(APPROVE_BY_SQL, [maker.user_id, made])
        assert written() == before

    def test_a_resolution_begins_as_a_proposal(self, row: Break, maker: Actor) -> None:
        before = written()
        with pytest.raises(IntegrityError, match="begins as a proposal"):
            run_alone(
                """
                INSERT INTO reconciliation_resolution (id, found_id, kind, state, reason, asset, fingerprint,
                    proposed_by, proposed_at, decided_by, decided_at)
                VALUES (%s, %s, 'ACCEPT', 'APPROVED', 'alone', %s, '', %s, now(), %s, now())
                """,
                [new_id(), row.pk, row.isin, maker.user_id, maker.user_id],
            )
        assert written() == before

    def test_a_decided_resolution_stays(self, row: Break, maker: Actor, checker: Actor) -> None:
        made = propose(row, maker)
        approve(made, checker)
        before = written()
        for change in ("state = 'PROPOSED', decided_by = NULL", "reason = 'other'", f"decided_by = '{new_id()}'"):
            with pytest.raises(IntegrityError, match="decided once"):
                run_alone(f"UPDATE reconciliation_resolution SET {change} WHERE id = %s", [made])
        assert written() == before

    @pytest.mark.parametrize(
        "change", ["reason = 'other'", "remedy = '{}'", "proposed_by = gen_random_uuid()", "fingerprint = 'ab'"]
    )
    def test_a_proposal_stays_as_it_was_made(self, row: Break, maker: Actor, checker: Actor, change: str) -> None:
        made, before = propose(row, maker), written()
        with pytest.raises(IntegrityError, match="decided once"):
            run_alone(
                "UPDATE reconciliation_resolution SET state = 'REJECTED', decided_by = %s, decided_at = now(), "
                f"{change} WHERE id = %s",
                [checker.user_id, made],
            )
        assert written() == before

    def test_an_approval_names_an_entry_that_cites_it(self, row: Break, maker: Actor, checker: Actor) -> None:
        other = make_break(missing(make_asset(), make_wallet()))
        approve(propose(other, maker), checker)
        stranger, made = LedgerTransfer.objects.latest("pk"), propose(row, maker)
        before = written()
        for transfer_id in (stranger.pk, 2**40):
            with pytest.raises(IntegrityError, match="does not cite it"):
                run_alone(
                    "UPDATE reconciliation_resolution SET state = 'APPROVED', decided_by = %s, decided_at = now(), "
                    "transfer_id = %s WHERE id = %s",
                    [checker.user_id, transfer_id, made],
                )
        assert written() == before

    def test_a_break_is_resolved_by_an_approved_resolution(self, row: Break, maker: Actor) -> None:
        propose(row, maker)
        before = written()
        with pytest.raises(IntegrityError, match="resolved by an approved resolution"):
            run_alone("UPDATE reconciliation_break SET state = 'RESOLVED', resolved_at = now() WHERE id = %s", [row.pk])
        assert written() == before

    def test_an_event_is_of_a_run_or_of_a_person(self, row: Break, maker: Actor) -> None:
        event = row.events.get()
        for run_id, user_id in ((None, None), (event.run_id, maker.user_id)):
            clone = replace_event(event, run_id=run_id, user_id=user_id)
            with pytest.raises(IntegrityError, match="recon_break_event_o"), transaction.atomic():
                clone.save(force_insert=True)

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM reconciliation_break",
            "DELETE FROM reconciliation_resolution",
            "DELETE FROM reconciliation_breakevent",
            "UPDATE reconciliation_breakevent SET message = 'nothing'",
            "TRUNCATE reconciliation_resolution",
        ],
    )
    def test_nothing_goes(self, row: Break, maker: Actor, statement: str) -> None:
        propose(row, maker)
        before = written()
        with pytest.raises(DatabaseError, match="permission denied"):
            run_alone(statement, [])
        assert written() == before


def replace_event(event: BreakEvent, **changes: Any) -> BreakEvent:
    """The same event as another row, but for the changes."""
    stored = {field.attname: getattr(event, field.attname) for field in BreakEvent._meta.concrete_fields}
    return BreakEvent(**(stored | {"id": None} | changes))
