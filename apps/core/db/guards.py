"""Lifting the guard of an append-only table for a statement of a migration."""

# Guards are there when an earlier run of the migrations has put them there.
GUARDS = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = '{0}'::regclass AND tgname LIKE 'append_only%' LOOP
        EXECUTE format('ALTER TABLE {0} {1} TRIGGER %I', name);
    END LOOP;
END $$
"""


def lifted(table: str, statement: str) -> str:
    """A statement that a table's guard refuses."""
    return f"{GUARDS.format(table, 'DISABLE')}; {statement}; {GUARDS.format(table, 'ENABLE ALWAYS')}"
