"""What the database does itself for the tree. A function that changes gets a new text here and a migration.

The order of leaves is (xid, id), and the last leaf is the cursor. Only rows of transactions older than all that still
run become leaves: of those nothing is yet to come, so nothing is ever to be put in before a leaf. It is one
statement, thus of one snapshot. It runs as the owner: the application writes no leaf of its own making. The hash is
that of audit_leaf_hash(), written out: a call for each row is a fifth of the time.
"""

NUMBER_EVENTS = r"""
CREATE FUNCTION audit_number_events(most integer, OUT first bigint, OUT hashes bytea)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH edge AS (
        SELECT coalesce(max(e.index), -1) AS index, coalesce(max(e.xid), '0') AS xid, coalesce(max(e.event), 0) AS event
        FROM (SELECT l.index, l.xid, l.event FROM audit_leaf l ORDER BY l.index DESC LIMIT 1) e
    ), waiting AS (
        SELECT l.xid, l.id, sha256('\x00'::bytea || convert_to(audit_body(l), 'UTF8')) AS hash FROM audit_auditlog l
        WHERE (l.xid, l.id) > ((SELECT e.xid FROM edge e), (SELECT e.event FROM edge e))
          AND l.xid < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY l.xid, l.id LIMIT most
    ), made AS (
        INSERT INTO audit_leaf (index, event, xid, hash)
        SELECT (SELECT e.index FROM edge e) + row_number() OVER (ORDER BY w.xid, w.id), w.id, w.xid, w.hash
        FROM waiting w
        RETURNING index, hash
    )
    SELECT min(m.index), string_agg(m.hash, ''::bytea ORDER BY m.index) FROM made m
$$
"""
DROP_NUMBER_EVENTS = "DROP FUNCTION audit_number_events(integer)"
