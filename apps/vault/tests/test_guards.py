"""What the database refuses by itself."""

import pytest
from django.db import IntegrityError, transaction

from apps.core import clock
from apps.core.db import run_sql
from apps.core.ids import new_id
from apps.vault.keys import keyring
from apps.vault.models import SubjectErasure, SubjectHold
from apps.vault.types import Purpose


def refused(constraint: str, statement: str, *params: object) -> None:
    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        run_sql(statement, params)
    assert raised.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]


@pytest.mark.django_db
class TestTheDatabase:
    def test_keeps_subject_keys_whole(self) -> None:
        key = keyring().current(Purpose.PERSONAL, new_id())
        other = keyring().current(Purpose.SECRETS, new_id())
        refused("vault_subject_key_stays", "DELETE FROM vault_subjectkey WHERE id = %s", key.id)
        refused("vault_subject_key_stays", "UPDATE vault_subjectkey SET subject = %s WHERE id = %s", new_id(), key.id)
        refused(
            "vault_erasure_recorded",
            "UPDATE vault_subjectkey SET wrapped = NULL, destroyed_at = now() WHERE id = %s",
            key.id,
        )
        refused("subject_key_wrapped_length", "UPDATE vault_subjectkey SET wrapped = 'short' WHERE id = %s", key.id)
        refused(
            "subject_key_purpose_of_kek",
            "UPDATE vault_subjectkey SET kek_id = %s WHERE id = %s; SET CONSTRAINTS ALL IMMEDIATE",
            other.kek_id,
            key.id,
        )

    def test_keeps_purpose_keys(self) -> None:
        kek = keyring().current(Purpose.PERSONAL, new_id()).kek_id
        refused("vault_purpose_key_stays", "DELETE FROM vault_purposekey WHERE id = %s", kek)
        refused("vault_purpose_key_stays", "UPDATE vault_purposekey SET check_value = %s WHERE id = %s", b"x" * 32, kek)
        refused("vault_purpose_key_stays", "UPDATE vault_purposekey SET purpose = 'secrets' WHERE id = %s", kek)

    def test_has_one_live_key_of_a_purpose_and_of_a_subject(self) -> None:
        key = keyring().current(Purpose.PERSONAL, new_id())
        refused(
            "purpose_key_live_once",
            "INSERT INTO vault_purposekey (purpose, provider, provider_key, wrapped, check_value, created_at) "
            "SELECT purpose, provider, provider_key, wrapped, check_value, now() FROM vault_purposekey WHERE id = %s",
            key.kek_id,
        )
        refused(
            "subject_key_live_once",
            "INSERT INTO vault_subjectkey (id, purpose, subject, kek_id, wrapped, created_at) "
            "SELECT gen_random_uuid(), purpose, subject, kek_id, wrapped, now() FROM vault_subjectkey WHERE id = %s",
            key.id,
        )

    def test_lets_no_erasure_pass_a_hold(self) -> None:
        subject = new_id()
        SubjectHold.objects.create(subject=subject, reference="case-1", placed_at=clock.now())
        refused("vault_subject_held", "INSERT INTO vault_subjecterasure VALUES (%s, NULL, now(), now())", subject)

    def test_makes_no_key_for_the_erased(self) -> None:
        key, subject = keyring().current(Purpose.PERSONAL, new_id()), new_id()
        SubjectErasure.objects.create(subject=subject, erased_at=clock.now(), complete_on=clock.now().date())
        refused(
            "vault_subject_erased",
            "INSERT INTO vault_subjectkey (id, purpose, subject, kek_id, wrapped, created_at) "
            "SELECT gen_random_uuid(), purpose, %s, kek_id, wrapped, now() FROM vault_subjectkey WHERE id = %s",
            subject,
            key.id,
        )
