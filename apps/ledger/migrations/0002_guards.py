"""What the models cannot state: written by hand, so that 0001 can be generated anew.

The guards of transfers and holds look at a whole statement at once (a transition table), because a trigger
or a foreign key for each row would cost more than the rows themselves.
"""

from django.db import migrations

TRANSFERS = """
CREATE FUNCTION ledger_check_transfers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stranger boolean;
BEGIN
    FOR stranger IN
        SELECT d.id IS NOT NULL AND c.id IS NOT NULL
        FROM fresh f
        LEFT JOIN ledger_account d ON d.id = f.debit_account_id
        LEFT JOIN ledger_account c ON c.id = f.credit_account_id
        WHERE d.asset IS DISTINCT FROM c.asset OR d.id IS NULL
        LIMIT 1
    LOOP
        IF stranger THEN
            RAISE EXCEPTION 'a transfer joins accounts of two assets'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transfer_one_asset';
        END IF;
        RAISE EXCEPTION 'a transfer names an account that does not exist'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'ledger_transfer_accounts_exist';
    END LOOP;
    IF EXISTS (
        SELECT FROM fresh f LEFT JOIN ledger_transfer p ON p.id = f.pending_id
        WHERE f.pending_id IS NOT NULL
          AND (p.state, p.debit_account_id, p.credit_account_id, p.amount, p.kind)
              IS DISTINCT FROM ('PENDING', f.debit_account_id, f.credit_account_id, f.amount, f.kind)
    ) THEN
        RAISE EXCEPTION 'a resolution differs from the pending transfer it ends'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transfer_resolution_faithful';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_transfer_guard AFTER INSERT ON ledger_transfer REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_transfers();
ALTER TABLE ledger_transfer ENABLE ALWAYS TRIGGER ledger_transfer_guard;
"""

HOLDS = """
CREATE FUNCTION ledger_check_holds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM fresh f WHERE NOT EXISTS (SELECT FROM ledger_account a WHERE a.id = f.account_id)) THEN
        RAISE EXCEPTION 'a hold names an account that does not exist'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'ledger_hold_account_exists';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_hold_guard AFTER INSERT ON ledger_hold_entry REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_holds();
ALTER TABLE ledger_hold_entry ENABLE ALWAYS TRIGGER ledger_hold_guard;
"""

ACCOUNTS = """
CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% keeps its rows: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_row_permanent';
END $$;
CREATE TRIGGER ledger_account_stays BEFORE DELETE ON ledger_account
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_account_identity BEFORE UPDATE ON ledger_account FOR EACH ROW
    WHEN ((OLD.id, OLD.asset, OLD.kind, OLD.wallet_address)
        IS DISTINCT FROM (NEW.id, NEW.asset, NEW.kind, NEW.wallet_address))
    EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_account_truncate BEFORE TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_balance_stays BEFORE DELETE ON ledger_balance
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_balance_truncate BEFORE TRUNCATE ON ledger_balance
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER ledger_account_stays;
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER ledger_account_identity;
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER ledger_account_truncate;
ALTER TABLE ledger_balance ENABLE ALWAYS TRIGGER ledger_balance_stays;
ALTER TABLE ledger_balance ENABLE ALWAYS TRIGGER ledger_balance_truncate;
"""

# A balance cannot claim to be a control account's: `control` comes from the account's kind. Room on each page
# keeps balance updates in place (HOT), and early vacuum keeps the hot pages few.
BALANCES = """
ALTER TABLE ledger_balance ADD CONSTRAINT ledger_balance_control_of_account
    FOREIGN KEY (account_id, control) REFERENCES ledger_account (id, control);
ALTER TABLE ledger_balance SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [migrations.RunSQL(sql) for sql in (TRANSFERS, HOLDS, ACCOUNTS, BALANCES)]
