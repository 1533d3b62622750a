"""What the database itself refuses, whoever asks: see the models."""

from django.db import migrations

LENGTHS = """
    ALTER TABLE vault_subjectkey ADD CONSTRAINT subject_key_wrapped_length CHECK (octet_length(wrapped) = 60);
    ALTER TABLE vault_purposekey ADD CONSTRAINT purpose_key_wrapped_length
        CHECK (octet_length(wrapped) BETWEEN 32 AND 6144);
    ALTER TABLE vault_purposekey ADD CONSTRAINT purpose_key_check_value_length CHECK (octet_length(check_value) = 32);
    -- A subject's key is wrapped by a key of its own purpose.
    ALTER TABLE vault_subjectkey ADD CONSTRAINT subject_key_purpose_of_kek
        FOREIGN KEY (kek_id, purpose) REFERENCES vault_purposekey (id, purpose)
"""
UNDO_LENGTHS = """
    ALTER TABLE vault_subjectkey DROP CONSTRAINT subject_key_purpose_of_kek, DROP CONSTRAINT subject_key_wrapped_length;
    ALTER TABLE vault_purposekey DROP CONSTRAINT purpose_key_wrapped_length,
        DROP CONSTRAINT purpose_key_check_value_length
"""

# What a key is never changes; it may be wrapped anew, retired once, and never deleted.
PURPOSE_KEYS = """
    CREATE FUNCTION vault_guard_purpose_key() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' OR (NEW.id, NEW.purpose, NEW.check_value, NEW.created_at)
                IS DISTINCT FROM (OLD.id, OLD.purpose, OLD.check_value, OLD.created_at)
                OR (OLD.retired_at IS NOT NULL AND NEW.retired_at IS DISTINCT FROM OLD.retired_at) THEN
            RAISE EXCEPTION 'a purpose key is neither deleted nor made another'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vault_purpose_key_stays';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER vault_purpose_key_stays BEFORE UPDATE OR DELETE ON vault_purposekey
        FOR EACH ROW EXECUTE FUNCTION vault_guard_purpose_key();
    ALTER TABLE vault_purposekey ENABLE ALWAYS TRIGGER vault_purpose_key_stays
"""
UNDO_PURPOSE_KEYS = "DROP TRIGGER vault_purpose_key_stays ON vault_purposekey; DROP FUNCTION vault_guard_purpose_key()"

# A key is destroyed with an erasure on record and in no other way, and stays destroyed; none is made for the erased.
SUBJECT_KEYS = """
    CREATE FUNCTION vault_guard_subject_key() RETURNS trigger LANGUAGE plpgsql AS $$
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
            RAISE EXCEPTION 'a key is destroyed by the erasure of its subject alone'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vault_erasure_recorded';
        END IF;
        RETURN NEW;
    END $$;
    CREATE FUNCTION vault_refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a subject key is never deleted: what it encrypted would name an unknown key'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vault_subject_key_stays';
    END $$;
    CREATE TRIGGER vault_subject_key_guarded BEFORE INSERT OR UPDATE ON vault_subjectkey
        FOR EACH ROW EXECUTE FUNCTION vault_guard_subject_key();
    CREATE TRIGGER vault_subject_key_stays BEFORE DELETE ON vault_subjectkey
        FOR EACH ROW EXECUTE FUNCTION vault_refuse_removal();
    ALTER TABLE vault_subjectkey ENABLE ALWAYS TRIGGER vault_subject_key_guarded;
    ALTER TABLE vault_subjectkey ENABLE ALWAYS TRIGGER vault_subject_key_stays
"""
UNDO_SUBJECT_KEYS = """
    DROP TRIGGER vault_subject_key_guarded ON vault_subjectkey; DROP TRIGGER vault_subject_key_stays ON vault_subjectkey;
    DROP FUNCTION vault_guard_subject_key(); DROP FUNCTION vault_refuse_removal()
"""

ERASURES = """
    CREATE FUNCTION vault_refuse_erasure_of_held() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM vault_subjecthold WHERE subject = NEW.subject AND released_at IS NULL) THEN
            RAISE EXCEPTION 'a legal hold forbids the erasure'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'vault_subject_held';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER vault_erasure_not_held BEFORE INSERT ON vault_subjecterasure
        FOR EACH ROW EXECUTE FUNCTION vault_refuse_erasure_of_held();
    ALTER TABLE vault_subjecterasure ENABLE ALWAYS TRIGGER vault_erasure_not_held
"""
UNDO_ERASURES = """
    DROP TRIGGER vault_erasure_not_held ON vault_subjecterasure; DROP FUNCTION vault_refuse_erasure_of_held()
"""


class Migration(migrations.Migration):
    dependencies = [("vault", "0001_initial")]

    operations = [
        migrations.RunSQL(LENGTHS, UNDO_LENGTHS),
        migrations.RunSQL(PURPOSE_KEYS, UNDO_PURPOSE_KEYS),
        migrations.RunSQL(SUBJECT_KEYS, UNDO_SUBJECT_KEYS),
        migrations.RunSQL(ERASURES, UNDO_ERASURES),
    ]
