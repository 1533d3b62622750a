"""A rotation may destroy the superseded keys it has emptied: the one other way than an erasure."""

from importlib import import_module

from django.db import migrations

BEFORE = import_module("apps.vault.migrations.0002_guards").SUBJECT_KEYS

# As in 0002, but for the last refusal.
GUARD = """
    CREATE OR REPLACE FUNCTION vault_guard_subject_key() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE erased boolean := EXISTS (SELECT 1 FROM vault_subjecterasure WHERE subject = NEW.subject);
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF erased AND NEW.wrapped IS NOT NULL THEN
                RAISE EXCEPTION 'the subject is erased: no key is made for it'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vault_subject_erased';
            END IF;
            IF NOT erased AND NEW.wrapped IS NULL THEN
                RAISE EXCEPTION 'the subject is not erased: its key is whole'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vault_erasure_recorded';
            END IF;
            RETURN NEW;
        END IF;
        IF (NEW.id, NEW.purpose, NEW.subject, NEW.created_at)
                IS DISTINCT FROM (OLD.id, OLD.purpose, OLD.subject, OLD.created_at)
                OR (OLD.superseded_at IS NOT NULL AND NEW.superseded_at IS DISTINCT FROM OLD.superseded_at)
                OR (OLD.wrapped IS NULL AND NEW IS DISTINCT FROM OLD) THEN
            RAISE EXCEPTION 'a subject key is not made another'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vault_subject_key_stays';
        END IF;
        IF OLD.wrapped IS NOT NULL AND NEW.wrapped IS NULL AND NOT erased THEN
            IF OLD.superseded_at IS NULL OR NEW.kek_id IS NOT NULL OR NOT EXISTS (
                SELECT 1 FROM vault_keyrotation run WHERE run.purpose = OLD.purpose AND run.state = 'RETIRING'
                    AND run.id IS DISTINCT FROM OLD.needed_by_id
            ) OR NOT EXISTS (
                SELECT 1 FROM vault_subjectkey live WHERE live.purpose = OLD.purpose AND live.subject = OLD.subject
                    AND live.superseded_at IS NULL AND live.wrapped IS NOT NULL
            ) OR EXISTS (
                SELECT 1 FROM vault_subjecthold WHERE subject = OLD.subject AND released_at IS NULL
            ) THEN
                RAISE EXCEPTION 'a key is destroyed by the erasure of its subject, or superseded and by a rotation'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vault_erasure_recorded';
            END IF;
        END IF;
        RETURN NEW;
    END $$
"""
UNDO = BEFORE[: BEFORE.index("END $$;") + len("END $$")].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


class Migration(migrations.Migration):
    dependencies = [("vault", "0005_rotation")]

    operations = [migrations.RunSQL(GUARD, UNDO)]
