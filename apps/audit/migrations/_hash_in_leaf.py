"""The functions as they were while one commit numbered an event and hashed it. For earlier migrations alone."""

NUMBER_EVENTS = r"""
CREATE FUNCTION audit_number_events(most integer, OUT first bigint, OUT hashes bytea)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_bitmapscan = off AS $$
    WITH edge AS (
        SELECT coalesce(max(e.index), -1) AS index, coalesce(max(e.xid), '0') AS xid, coalesce(max(e.event), 0) AS event
        FROM (SELECT l.index, l.xid, l.event FROM audit_leaf l ORDER BY l.index DESC LIMIT 1) e
    ), waiting AS MATERIALIZED (
        SELECT l.xid, l.id, (l.resource_type || '/' || l.resource_id) COLLATE "C" AS stream FROM audit_auditlog l
        WHERE (l.xid, l.id) > ((SELECT e.xid FROM edge e), (SELECT e.event FROM edge e))
          AND l.xid < pg_snapshot_xmin(pg_current_snapshot())
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
        INSERT INTO audit_leaf (index, event, xid, stream, stream_seq, prev, hash)
        SELECT k.index, k.id, k.xid, k.stream, k.seq, k.prev, h.hash
        FROM linked k CROSS JOIN LATERAL (
            SELECT sha256('\x00'::bytea || convert_to(audit_body(e, k.seq, k.prev, o.committed), 'UTF8')) AS hash
            FROM audit_auditlog e LEFT JOIN audit_origin o ON o.id = e.origin_id WHERE e.id = k.id OFFSET 0
        ) h
        RETURNING index, hash
    )
    SELECT min(m.index), string_agg(m.hash, ''::bytea ORDER BY m.index) FROM made m
$$
"""
DROP_NUMBER_EVENTS = "DROP FUNCTION audit_number_events(integer)"

TEXT = """
CREATE VIEW audit_text WITH (security_invoker = true) AS
    SELECT l.index, l.event, l.hash,
        CASE WHEN e.id IS NOT NULL THEN audit_body(e, l.stream_seq, l.prev, o.committed) END AS body
    FROM audit_leaf l LEFT JOIN audit_auditlog e ON e.id = l.event LEFT JOIN audit_origin o ON o.id = e.origin_id;
GRANT SELECT ON audit_text TO PUBLIC
"""
DROP_TEXT = "DROP VIEW audit_text"
