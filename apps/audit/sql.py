"""What the database does itself for the log. A function that changes gets a new text here and a migration.

audit_body() is the one definition of an event's signed text: docs/audit.md, ADR 0013.
"""

# Keys stand in RFC 8785's order; to_json() of a text escapes exactly as RFC 8785 does, and the json columns are
# canonical as they were written. Outside its strings JSON has line ends as white space only: without them an event is
# one line. Stable, not immutable: only then is it inlined. concat() is half the cost of ||, and quotes about a UUID,
# which has nothing to escape, half that of to_json().
BODY = r"""
CREATE OR REPLACE FUNCTION audit_one_line(said json) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT replace(replace(said::text, E'\n', ''), E'\r', '') $$;
CREATE OR REPLACE FUNCTION audit_body(e audit_auditlog, seq bigint, prev bigint, committed json) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT concat(
        '{"action":', to_json(e.action::text),
        ',"after":', coalesce(audit_one_line(e.after), 'null'),
        ',"at":"', to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        '","before":', coalesce(audit_one_line(e.before), 'null'),
        ',"committed":', coalesce(audit_one_line(committed), '{}'),
        ',"event":', e.id,
        ',"party":', coalesce('"' || e.party_id || '"', 'null'),
        ',"prev":', coalesce(prev::text, 'null'),
        ',"record_class":', to_json(e.record_class::text),
        ',"request_id":', to_json(e.request_id::text),
        ',"resource_id":', to_json(e.resource_id::text),
        ',"resource_type":', to_json(e.resource_type::text),
        ',"session":', coalesce('"' || e.session_id || '"', 'null'),
        ',"source":', to_json(e.source::text),
        ',"stream":', to_json(e.resource_type || '/' || e.resource_id),
        ',"stream_seq":', seq,
        ',"user":', coalesce('"' || e.user_id || '"', 'null'),
        ',"v":2}')
$$
"""
DROP_BODY = """
DROP FUNCTION audit_body(audit_auditlog, bigint, bigint, json);
DROP FUNCTION audit_one_line(json)
"""

# Each hashed leaf with its event's text as it is stored now; null where the event has gone after its retention. Who
# asks needs the rights to the tables.
TEXT = """
CREATE VIEW audit_text WITH (security_invoker = true) AS
    SELECT l.index, l.event, h.hash,
        CASE WHEN e.id IS NOT NULL THEN audit_body(e, l.stream_seq, l.prev, o.committed) END AS body
    FROM audit_leaf l JOIN audit_leaf_hash h ON h.index = l.index
    LEFT JOIN audit_auditlog e ON e.id = l.event LEFT JOIN audit_origin o ON o.id = e.origin_id;
GRANT SELECT ON audit_text TO PUBLIC
"""
DROP_TEXT = "DROP VIEW audit_text"

# What the triggers of watched tables do (apps.audit.services.watching): arguments are the class of retention, the
# columns told as they stand, and those told by a digest (what is encrypted). Deferred to the commit: who acts is said
# by the last event a service wrote in the transaction; else it is the database's role. Flat canonical objects, one in
# all sessions.
RECORD_ROW = r"""
CREATE OR REPLACE FUNCTION audit_record_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET timezone = 'UTC' SET datestyle = 'ISO' SET bytea_output = 'hex' SET intervalstyle = 'iso_8601' AS $$
DECLARE
    digested text[] := string_to_array(TG_ARGV[2], ',');
    old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    changed text[];
    actor record;
BEGIN
    SELECT array_agg(name) INTO changed FROM unnest(string_to_array(TG_ARGV[1], ',') || digested) name
        WHERE old_row -> name IS DISTINCT FROM new_row -> name;
    IF changed IS NULL THEN
        RETURN NULL;
    END IF;
    -- Values encrypted anew are the same values: the rotation itself is in the log.
    IF TG_OP = 'UPDATE' AND changed <@ digested AND EXISTS (
        SELECT 1 FROM vault_keyrotation r
        WHERE r.id::text = current_setting('bookentry.rotation', true) AND r.state IN ('ROWS', 'CHECKING')
    ) THEN
        RETURN NULL;
    END IF;
    SELECT a.user_id, a.party_id, a.session_id, a.request_id INTO actor FROM audit_auditlog a
        WHERE a.xid = pg_current_xact_id() AND a.source = 'app' ORDER BY a.id DESC LIMIT 1;
    INSERT INTO audit_auditlog (source, action, resource_type, resource_id, before, after, record_class,
                                user_id, party_id, session_id, request_id)
    VALUES ('trigger',
        TG_TABLE_NAME || CASE TG_OP WHEN 'INSERT' THEN '.inserted' WHEN 'UPDATE' THEN '.updated' ELSE '.deleted' END,
        TG_TABLE_NAME, coalesce(old_row, new_row) ->> TG_ARGV[3],
        audit_row(old_row, changed, digested), audit_row(new_row, changed, digested), TG_ARGV[0],
        actor.user_id, actor.party_id, actor.session_id, coalesce(actor.request_id, 'db:' || left(session_user, 61))
    );
    RETURN NULL;
END $$
"""
