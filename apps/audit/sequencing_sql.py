"""What the database does itself for the tree. A function that changes gets a new text here and a migration.

The order of leaves is (xid, id), and the last leaf is the cursor. Only rows of transactions older than all that still
run become leaves: of those nothing is yet to come, so nothing is ever to be put in before a leaf. Numbering is one
statement, thus of one snapshot. Hashing follows in a connection of its own: side by side on two processors (ADR 0017).
Both run as the owner: the application writes no leaf and no hash of its own making.
"""

# Planned for few rows of a table that may be huge, and whose statistics lag: OFFSET 0 keeps each look a look by a key.
NUMBER_EVENTS = r"""
CREATE FUNCTION audit_number_events(most integer) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_bitmapscan = off AS $$
    WITH edge AS (
        SELECT coalesce(max(e.index), -1) AS index, coalesce(max(e.xid), '0') AS xid, coalesce(max(e.event), 0) AS event
        FROM (SELECT l.index, l.xid, l.event FROM audit_leaf l ORDER BY l.index DESC LIMIT 1) e
    ), waiting AS MATERIALIZED (
        SELECT l.xid, l.id, (l.resource_type || '/' || l.resource_id) COLLATE "C" AS stream FROM audit_auditlog l
        WHERE (l.xid, l.id) > ((SELECT e.xid FROM edge e), (SELECT e.event FROM edge e))
          AND l.xid < pg_snapshot_xmin(pg_current_snapshot())
          -- A place is given once: if its row has gone and its hash has not, nothing goes on.
          AND (SELECT e.index FROM edge e) >= (SELECT coalesce(max(h.index), -1) FROM audit_leaf_hash h)
        ORDER BY l.xid, l.id LIMIT most
    ), numbered AS (
        SELECT w.*, (SELECT e.index FROM edge e) + row_number() OVER (ORDER BY w.xid, w.id) AS index FROM waiting w
    ), followed AS (
        SELECT n.*, row_number() OVER one AS nth, lag(n.index) OVER one AS before
        FROM numbered n WINDOW one AS (PARTITION BY n.stream ORDER BY n.index)
    ), based AS (
        SELECT f.*, coalesce(max(e.stream_seq) OVER (PARTITION BY f.stream), 0) AS base, e.index AS former
        FROM followed f LEFT JOIN LATERAL (
            SELECT l.stream_seq, l.index FROM audit_leaf l WHERE f.nth = 1 AND l.stream = f.stream
            ORDER BY l.stream_seq DESC LIMIT 1
        ) e ON true
    ), linked AS (
        SELECT b.index, b.id, b.xid, b.stream, b.base + b.nth AS seq, coalesce(b.before, b.former) AS prev
        FROM based b ORDER BY b.index
    ), made AS (
        INSERT INTO audit_leaf (index, event, xid, stream, stream_seq, prev)
        SELECT k.index, k.id, k.xid, k.stream, k.seq, k.prev FROM linked k
        RETURNING index
    )
    SELECT count(*) FROM made
$$
"""
DROP_NUMBER_EVENTS = "DROP FUNCTION audit_number_events(integer)"

# An event that has gone before it was hashed leaves a gap, which the integrator refuses.
HASH_LEAVES = r"""
CREATE OR REPLACE FUNCTION audit_hash_leaves(
    most integer, OUT numbered bigint, OUT first bigint, OUT stop bigint, OUT hashes bytea)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_bitmapscan = off AS $$
    WITH edge AS (
        SELECT coalesce((SELECT h.index FROM audit_leaf_hash h ORDER BY h.index DESC LIMIT 1), -1) AS index
    ), waiting AS MATERIALIZED (
        SELECT l.index, l.event, l.stream_seq, l.prev FROM audit_leaf l
        WHERE l.index > (SELECT e.index FROM edge e) ORDER BY l.index LIMIT most
    ), made AS (
        INSERT INTO audit_leaf_hash (index, hash)
        SELECT w.index, h.hash
        FROM waiting w CROSS JOIN LATERAL (
            SELECT sha256('\x00'::bytea || convert_to(audit_body(e, w.stream_seq, w.prev, (
                SELECT o.committed FROM audit_origin o WHERE o.id = e.origin_id
            )), 'UTF8')) AS hash
            FROM audit_auditlog e WHERE e.id = w.event OFFSET 0
        ) h
        RETURNING index, hash
    )
    SELECT (SELECT coalesce(max(l.index) + 1, 0) FROM audit_leaf l), min(m.index), max(m.index) + 1,
        string_agg(m.hash, ''::bytea ORDER BY m.index) FROM made m
$$
"""
DROP_HASH_LEAVES = "DROP FUNCTION audit_hash_leaves(integer)"
