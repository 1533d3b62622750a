"""What earlier migrations had the database do: chains by hash, moved by a trigger. Not in force any more."""

# Keys stand in RFC 8785's order; to_json() of a text escapes exactly as RFC 8785 does, and the three json columns are
# canonical as they stand. Stable, not immutable: only then is it inlined.
BODY = r"""
CREATE FUNCTION audit_body_at(e audit_auditlog, seq bigint, prev bytea) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT '{"action":' || to_json(e.action::text)::text
        || ',"after":' || coalesce(e.after::text, 'null')
        || ',"at":"' || to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","before":' || coalesce(e.before::text, 'null')
        || ',"committed":' || e.committed::text
        || ',"event":' || e.id
        || ',"party":' || coalesce('"' || e.party_id || '"', 'null')
        || ',"prev_hash":' || coalesce('"' || encode(prev, 'hex') || '"', 'null')
        || ',"record_class":' || to_json(e.record_class::text)::text
        || ',"request_id":' || to_json(e.request_id::text)::text
        || ',"resource_id":' || to_json(e.resource_id::text)::text
        || ',"resource_type":' || to_json(e.resource_type::text)::text
        || ',"session":' || coalesce('"' || e.session_id || '"', 'null')
        || ',"source":' || to_json(e.source::text)::text
        || ',"stream":' || to_json(e.resource_type || '/' || e.resource_id)::text
        || ',"stream_seq":' || seq
        || ',"user":' || coalesce('"' || e.user_id || '"', 'null')
        || ',"v":1}'
$$;
CREATE FUNCTION audit_body(e audit_auditlog) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT audit_body_at(e, e.stream_seq, e.prev_hash)';
CREATE FUNCTION audit_leaf_hash(body text) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT sha256('\x00'::bytea || convert_to(body, 'UTF8')) $$
"""
DROP_BODY = """
DROP FUNCTION audit_leaf_hash(text);
DROP FUNCTION audit_body(audit_auditlog);
DROP FUNCTION audit_body_at(audit_auditlog, bigint, bytea)
"""

# Runs as the owner, since the application may not write streams; every name is qualified, since to SET a search_path
# costs a fifth of the whole, and the application's role can make no operator or function that would be found. What a
# row may be is asked here and not by CHECK constraints, which are prepared anew for each statement: a third of the
# whole. Number and time are taken under the stream's lock, so that they grow along it. Who acts is left to the triggers
# of rows (ROWS), for the rest of the transaction.
JOIN_STREAM = r"""
CREATE OR REPLACE FUNCTION public.audit_join_stream() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    name text := NEW.resource_type || '/' || NEW.resource_id;
    seq_before bigint;
    hash_before bytea;
    broken text := CASE
        WHEN NEW.action = '' OR NEW.resource_type = '' THEN 'audit_log_named'
        WHEN strpos(NEW.resource_type, '/') > 0 THEN 'audit_log_stream_is_one'
        WHEN NEW.record_class NOT IN (
            'audit_trail', 'ledger_and_journals', 'orders_and_trades', 'customer_accounts', 'communications',
            'securityholder_file', 'transfer_agent_items', 'sanctions', 'suspicious_activity', 'currency_transactions',
            'security_events') THEN 'audit_log_record_class'
        WHEN json_typeof(NEW.before) <> 'object' OR json_typeof(NEW.after) <> 'object'
            OR json_typeof(NEW.committed) <> 'object' THEN 'audit_log_objects'
        WHEN concat(NEW.before, NEW.after, NEW.committed) <> translate(
            concat(NEW.before, NEW.after, NEW.committed), E'\n\r', '') THEN 'audit_log_on_one_line'
        WHEN octet_length(NEW.ip_address) < 52 OR get_byte(NEW.ip_address, 0) <> 190
            OR octet_length(NEW.user_agent) < 52 OR get_byte(NEW.user_agent, 0) <> 190
            OR octet_length(NEW.salts) < 51 OR get_byte(NEW.salts, 0) <> 190 THEN 'audit_log_sealed'
    END;
BEGIN
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'an event breaks the rule "%"', broken USING ERRCODE = 'check_violation', CONSTRAINT = broken;
    END IF;
    NEW.xid := pg_current_xact_id();
    NEW.source := CASE WHEN pg_trigger_depth() > 1 THEN 'trigger' ELSE 'app' END;
    IF NEW.source = 'app' THEN
        PERFORM set_config('bookentry.actor', concat(
            NEW.user_id, chr(31), NEW.party_id, chr(31), NEW.session_id, chr(31), NEW.request_id), true);
    END IF;
    SELECT s.seq, s.hash INTO seq_before, hash_before FROM public.audit_stream s
        WHERE s.stream = name FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        NEW.id := nextval('public.audit_auditlog_id_seq');
        NEW.created_at := clock_timestamp();
        NEW.stream_seq := 1;
        NEW.prev_hash := NULL;
        INSERT INTO public.audit_stream (stream, seq, hash)
            VALUES (name, 1, public.audit_leaf_hash(public.audit_body(NEW)))
            ON CONFLICT (stream) DO NOTHING;
        IF FOUND THEN
            RETURN NEW;
        END IF;
        -- Somebody began the stream this moment, and has committed.
        SELECT s.seq, s.hash INTO STRICT seq_before, hash_before FROM public.audit_stream s
            WHERE s.stream = name FOR NO KEY UPDATE;
    END IF;
    NEW.id := nextval('public.audit_auditlog_id_seq');
    NEW.created_at := clock_timestamp();
    NEW.stream_seq := seq_before + 1;
    NEW.prev_hash := hash_before;
    UPDATE public.audit_stream s SET seq = NEW.stream_seq, hash = public.audit_leaf_hash(public.audit_body(NEW))
        WHERE s.stream = name;
    RETURN NEW;
END $$
"""
# Nobody may put the function on a table of his own.
STREAMS = f"""
{JOIN_STREAM};
REVOKE EXECUTE ON FUNCTION audit_join_stream() FROM PUBLIC;
CREATE TRIGGER audit_joins_stream BEFORE INSERT ON audit_auditlog
    FOR EACH ROW EXECUTE FUNCTION audit_join_stream();
ALTER TABLE audit_auditlog ENABLE ALWAYS TRIGGER audit_joins_stream
"""
DROP_STREAMS = "DROP TRIGGER audit_joins_stream ON audit_auditlog; DROP FUNCTION audit_join_stream()"

# What the triggers of watched tables do (apps.audit.services.watching): arguments are the class of retention, the
# columns told as they stand, and those told by a digest (what is encrypted). Deferred to the commit, when the services
# of the transaction have said who acts; else it is the database's role. Flat canonical objects, one in all sessions.
ROWS = r"""
CREATE FUNCTION audit_said(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN value IS NULL OR jsonb_typeof(value) = 'null' THEN 'null'
        WHEN jsonb_typeof(value) = 'boolean' THEN value::text
        WHEN jsonb_typeof(value) = 'number' AND value::text ~ '^-?[0-9]{1,15}$' THEN value::text
        ELSE to_json(value #>> '{}')::text
    END
$$;
CREATE FUNCTION audit_digest(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '{"sha256":"' || encode(sha256(
        CASE WHEN value ~ '^\\x([0-9a-f]{2})*$' THEN decode(substr(value, 3), 'hex') ELSE convert_to(value, 'UTF8') END
    ), 'hex') || '"}'
$$;
CREATE FUNCTION audit_row(held jsonb, names text[], digested text[]) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN held IS NOT NULL THEN ('{' || string_agg(
        to_json(name)::text || ':' || CASE
            WHEN name = ANY (digested) AND held ->> name IS NOT NULL THEN audit_digest(held ->> name)
            ELSE audit_said(held -> name)
        END, ',' ORDER BY name COLLATE "C") || '}')::json END
    FROM unnest(names) name
$$;
CREATE FUNCTION audit_record_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET timezone = 'UTC' SET datestyle = 'ISO' SET bytea_output = 'hex' SET intervalstyle = 'iso_8601' AS $$
DECLARE
    digested text[] := string_to_array(TG_ARGV[2], ',');
    old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    changed text[];
    actor text[] := string_to_array(nullif(current_setting('bookentry.actor', true), ''), chr(31));
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
    INSERT INTO audit_auditlog (action, resource_type, resource_id, before, after, record_class,
                                user_id, party_id, session_id, request_id)
    VALUES (
        TG_TABLE_NAME || CASE TG_OP WHEN 'INSERT' THEN '.inserted' WHEN 'UPDATE' THEN '.updated' ELSE '.deleted' END,
        TG_TABLE_NAME, coalesce(old_row, new_row) ->> TG_ARGV[3],
        audit_row(old_row, changed, digested), audit_row(new_row, changed, digested), TG_ARGV[0],
        nullif(actor[1], '')::uuid, nullif(actor[2], '')::uuid, nullif(actor[3], '')::uuid,
        coalesce(actor[4], 'db:' || left(session_user, 61))
    );
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION audit_record_row() FROM PUBLIC
"""
# With the triggers that are on the tables.
DROP_ROWS = """
DROP FUNCTION audit_record_row() CASCADE;
DROP FUNCTION audit_row(jsonb, text[], text[]);
DROP FUNCTION audit_digest(text);
DROP FUNCTION audit_said(jsonb)
"""

# What the trigger asks, and room for a stream's next state on its page.
DROP_CHECKS = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT conname FROM pg_constraint WHERE conrelid = 'audit_auditlog'::regclass AND contype = 'c' LOOP
        EXECUTE format('ALTER TABLE audit_auditlog DROP CONSTRAINT %I', name);
    END LOOP;
END $$;
ALTER TABLE audit_stream SET (fillfactor = 70)
"""

# Rows that were there before their trigger: numbers first and last of those to chain.
CHAIN_ROWS = """
DO $$
DECLARE
    e audit_auditlog;
    held audit_stream;
BEGIN
    FOR e IN SELECT * FROM audit_auditlog WHERE id BETWEEN {0} AND {1} AND stream_seq = 0 ORDER BY id LOOP
        SELECT * INTO held FROM audit_stream s WHERE s.stream = e.resource_type || '/' || e.resource_id;
        e.stream_seq := coalesce(held.seq, 0) + 1;
        e.prev_hash := held.hash;
        UPDATE audit_auditlog SET stream_seq = e.stream_seq, prev_hash = e.prev_hash WHERE id = e.id;
        INSERT INTO audit_stream AS s (stream, seq, hash)
            VALUES (e.resource_type || '/' || e.resource_id, e.stream_seq, audit_leaf_hash(audit_body(e)))
            ON CONFLICT (stream) DO UPDATE SET seq = excluded.seq, hash = excluded.hash;
    END LOOP;
END $$
"""

# Leaves of texts with such chains.
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
