"""What the database does itself about keeping events. A function that changes gets a new text here and a migration.

The application may call audit_expire() and cannot delete by any other way. What may go is asked here alone, by what the
application cannot choose: the database's clock, periods that the owner wrote at the last migration, never below those
of the law, and what is signed, exported, anchored and held. ADR 0016.
"""

from config.security.types.records import LEAST_DAYS

# A clock that went ahead removes nothing: the newest head's time and the newest anchor's are asked too.
CLOCK = """
CREATE FUNCTION audit_clock() RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT least(
        clock_timestamp(),
        (SELECT h.at FROM audit_head h ORDER BY h.size DESC LIMIT 1),
        (SELECT max(a.anchored_at) FROM audit_anchor a)
    )
$$
"""

_LEAST = " ".join(f"WHEN '{name}' THEN {days}" for name, days in LEAST_DAYS.items())
# The law's own periods, in days: no class without one.
LEAST = f"""
CREATE FUNCTION audit_least_days(record_class text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE record_class {_LEAST} END
$$
"""

# Of the events after a number, in the order of their numbers, how each stands: the first reason it stays for, or READY.
# A subject is held in every event that names it: as user, party or resource, and within `before` and `after`.
STANDING = r"""
CREATE FUNCTION audit_standing(after_event bigint, most integer)
RETURNS TABLE (event bigint, index bigint, record_class text, written timestamptz, standing text)
LANGUAGE sql STABLE ROWS 1000 SET search_path = pg_catalog, public, pg_temp AS $$
    WITH now AS MATERIALIZED (
        SELECT audit_clock() AS at,
            (SELECT coalesce(max(h.size), 0) FROM audit_head h) AS signed,
            (SELECT coalesce(max(a.size), 0) FROM audit_anchor a JOIN audit_head h ON h.size = a.size
                AND h.root = a.root AND h.log = a.log
             WHERE a.retained_until IS NULL OR a.retained_until > clock_timestamp()) AS anchored
    ), held AS MATERIALIZED (
        SELECT v.subject FROM vault_subjecthold v WHERE v.released_at IS NULL
        UNION SELECT h.subject FROM audit_hold h WHERE h.released_at IS NULL AND h.kind = 'SUBJECT'
    ), seen AS (
        SELECT * FROM audit_auditlog e WHERE e.id > after_event ORDER BY e.id LIMIT most
    )
    SELECT e.id, l.index, e.record_class, e.created_at, CASE
        WHEN e.action = 'audit.expired' THEN 'FOR_PROOFS'
        WHEN r.days IS NULL
            OR (e.created_at + greatest(r.days, audit_least_days(e.record_class)) * interval '24 hours' < n.at)
                IS NOT TRUE THEN 'WITHIN_PERIOD'
        WHEN r.starts <> 'EVENT' AND NOT EXISTS (
            SELECT FROM audit_ending d
            WHERE d.record IN (e.resource_id, e.party_id::text)
                AND d.confirmed_at IS NOT NULL AND d.withdrawn_at IS NULL
                AND d.ended_at + greatest(r.days, audit_least_days(e.record_class)) * interval '24 hours' < n.at
        ) THEN 'NOT_ENDED'
        WHEN (l.index < n.signed) IS NOT TRUE THEN 'NOT_SIGNED'
        WHEN NOT EXISTS (SELECT FROM audit_export x WHERE x.first <= l.index AND l.index < x.stop) THEN 'NOT_EXPORTED'
        WHEN l.index >= n.anchored THEN 'NOT_ANCHORED'
        WHEN EXISTS (
            SELECT FROM audit_hold h
            WHERE h.released_at IS NULL AND (
                h.kind = 'ALL'
                OR h.kind = 'PERIOD' AND h.since <= e.created_at AND e.created_at < h.until
                OR h.kind = 'RESOURCE' AND h.resource_type = e.resource_type
                    AND h.resource_id IN ('', e.resource_id))
        ) THEN 'HELD'
        WHEN EXISTS (SELECT FROM held) AND EXISTS (
            SELECT FROM regexp_matches(
                lower(concat_ws(' ', e.user_id, e.party_id, e.resource_id, e.before, e.after)),
                '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'g') named
            WHERE named[1]::uuid IN (SELECT h.subject FROM held h)
        ) THEN 'HELD'
        ELSE 'READY'
    END
    FROM seen e CROSS JOIN now n
    LEFT JOIN audit_retention r ON r.record_class = e.record_class
    LEFT JOIN audit_leaf l ON l.event = e.id
    ORDER BY e.id
$$
"""

# One transaction's part: events after `after_event`, `most` at most. Who has placed a hold and not yet committed is
# waited for, and nobody places one until this has committed; each statement after the lock sees what was committed
# before it, which READ COMMITTED alone gives. A later head covers the event, so that whoever has it can tell what
# expired from what somebody removed.
EXPIRE = r"""
CREATE FUNCTION audit_expire(
    after_event bigint, most integer, request text,
    OUT last bigint, OUT looked_at integer, OUT removed integer, OUT oldest timestamptz, OUT staying json
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    events bigint[];
    indexes bigint[];
    ranges text;
    told bigint;
    gone integer;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'events expire in READ COMMITTED only: another transaction might not see a hold'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF after_event IS NULL OR most IS NULL OR most NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'events expire 1 to 10000 at a time' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    LOCK TABLE audit_hold, vault_subjecthold, audit_ending, audit_retention IN SHARE ROW EXCLUSIVE MODE;
    WITH found AS MATERIALIZED (SELECT * FROM audit_standing(after_event, most))
    SELECT max(f.event), count(*), min(f.written),
        array_agg(f.event ORDER BY f.index) FILTER (WHERE f.standing = 'READY'),
        array_agg(f.index ORDER BY f.index) FILTER (WHERE f.standing = 'READY'),
        (SELECT json_object_agg(s.standing, s.number) FROM (
            SELECT g.standing, count(*) AS number FROM found g WHERE g.standing <> 'READY' GROUP BY g.standing) s)
    INTO last, looked_at, oldest, events, indexes, staying FROM found f;
    removed := coalesce(cardinality(events), 0);
    IF removed = 0 THEN
        RETURN;
    END IF;
    SELECT string_agg('[' || r.first || ',' || r.stop || ']', ',' ORDER BY r.first) INTO ranges FROM (
        SELECT min(i.index) AS first, max(i.index) + 1 AS stop
        FROM (SELECT u.index, u.index - row_number() OVER (ORDER BY u.index) AS island
              FROM unnest(indexes) u (index)) i
        GROUP BY i.island) r;
    INSERT INTO audit_auditlog (action, resource_type, resource_id, after, record_class, request_id)
        VALUES ('audit.expired', 'audit_log', 'expiry',
            ('{"ranges":[' || ranges || '],"removed":' || removed || '}')::json, 'audit_trail',
            left(coalesce(request, ''), 64))
        RETURNING id INTO told;
    INSERT INTO audit_expiry (event, first, stop, removed)
        VALUES (told, indexes[1], indexes[removed] + 1, removed);
    DELETE FROM audit_auditlog e WHERE e.id = ANY (events);
    GET DIAGNOSTICS gone = ROW_COUNT;
    IF gone <> removed THEN
        RAISE EXCEPTION 'an event that was to expire is not there' USING ERRCODE = 'data_corrupted';
    END IF;
END $$
"""

# Origins that no event names any more, of those after `after_origin` in the order of their numbers. An origin is named
# by events of a day (apps.audit.services.origins): those of three days are asked. The youngest that goes is older than
# the shortest period, so that none goes before an event of any class could.
EXPIRE_ORIGINS = r"""
CREATE FUNCTION audit_expire_origins(after_origin uuid, most integer, request text, OUT last uuid, OUT removed integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    gone uuid[];
    told bigint;
BEGIN
    IF after_origin IS NULL OR most IS NULL OR most NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'origins expire 1 to 10000 at a time' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    WITH old AS MATERIALIZED (
        SELECT o.id, o.created_at FROM audit_origin o
        WHERE o.id > after_origin AND o.created_at < audit_clock() - (
            SELECT min(greatest(r.days, audit_least_days(r.record_class))) + 3 FROM audit_retention r
        ) * interval '24 hours'
        ORDER BY o.id LIMIT most
    ), named AS MATERIALIZED (
        SELECT DISTINCT e.origin_id FROM audit_auditlog e
        WHERE e.created_at >= (SELECT min(o.created_at) FROM old o) - interval '24 hours'
            AND e.created_at < (SELECT max(o.created_at) FROM old o) + interval '72 hours'
            AND e.origin_id IS NOT NULL
    )
    SELECT (SELECT o.id FROM old o ORDER BY o.id DESC LIMIT 1), array_agg(o.id) FILTER (
        WHERE o.id NOT IN (SELECT n.origin_id FROM named n))
    INTO last, gone FROM old o;
    removed := coalesce(cardinality(gone), 0);
    IF removed = 0 THEN
        RETURN;
    END IF;
    INSERT INTO audit_auditlog (action, resource_type, resource_id, after, record_class, request_id)
        VALUES ('audit.origins_expired', 'audit_log', 'expiry', ('{"removed":' || removed || '}')::json, 'audit_trail',
            left(coalesce(request, ''), 64))
        RETURNING id INTO told;
    INSERT INTO audit_expiry (event, first, stop, removed, origins) VALUES (told, 0, 0, 0, removed);
    DELETE FROM audit_origin o WHERE o.id = ANY (gone);
END $$
"""

# In place of core_refuse_change(), for everyone and whatever the session says (ENABLE ALWAYS). A row goes only in a
# transaction that has written down, in audit_expiry, that its leaf expires; there only audit_expire() writes, the
# application has no right to, nor to delete. And never before its law's period is over by the database's clock.
GUARD = r"""
CREATE FUNCTION audit_guard_removal() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE'
        AND OLD.created_at + audit_least_days(OLD.record_class) * interval '24 hours' < clock_timestamp()
        AND EXISTS (
            SELECT FROM audit_leaf l JOIN audit_expiry x ON x.first <= l.index AND l.index < x.stop
            WHERE l.event = OLD.id AND x.xid = pg_current_xact_id())
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused; events go when they expire, by audit_expire()', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
END $$
"""

# The same for origins. When one was made the database says: by that it is told whether an event may still name it.
GUARD_ORIGIN = r"""
CREATE FUNCTION audit_guard_origin() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := clock_timestamp();
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' AND OLD.created_at < clock_timestamp() - interval '366 days' AND EXISTS (
        SELECT FROM audit_expiry x WHERE x.xid = pg_current_xact_id() AND x.origins > 0)
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused; origins go after the events that name them', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
END $$;
CREATE TRIGGER audit_origin_dated BEFORE INSERT ON audit_origin
    FOR EACH ROW EXECUTE FUNCTION audit_guard_origin();
ALTER TABLE audit_origin ENABLE ALWAYS TRIGGER audit_origin_dated
"""
DROP_GUARD_ORIGIN = """
DROP TRIGGER audit_origin_dated ON audit_origin;
CREATE OR REPLACE TRIGGER append_only_row BEFORE UPDATE OR DELETE ON audit_origin
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
ALTER TABLE audit_origin ENABLE ALWAYS TRIGGER append_only_row;
DROP FUNCTION audit_guard_origin()
"""

# What is said of a hold, or of an ending, is said once, and taken back by who may: nothing else of the row changes, and
# it stays. A release is another's than who asked for it, and asked for before.
GUARD_HOLD = r"""
CREATE FUNCTION audit_guard_hold() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    said text[] := ARRAY['release_asked_by', 'release_asked_at', 'released_by', 'released_at'];
BEGIN
    IF TG_OP = 'INSERT' AND NEW.release_asked_by IS NULL
        OR TG_OP = 'UPDATE' AND OLD.released_at IS NULL AND to_jsonb(NEW) - said = to_jsonb(OLD) - said
            AND (NEW.released_at IS NULL
                OR (NEW.release_asked_by, NEW.release_asked_at) IS NOT DISTINCT FROM
                   (OLD.release_asked_by, OLD.release_asked_at))
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a legal hold stays as it was placed, until two people have released it'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_hold_stays';
END $$;
CREATE FUNCTION audit_guard_ending() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    said text[] := ARRAY['confirmed_by', 'confirmed_at', 'withdrawn_by', 'withdrawn_at'];
BEGIN
    IF TG_OP = 'INSERT' AND NEW.confirmed_by IS NULL AND NEW.withdrawn_by IS NULL
        OR TG_OP = 'UPDATE' AND OLD.withdrawn_at IS NULL AND to_jsonb(NEW) - said = to_jsonb(OLD) - said
            AND (OLD.confirmed_at IS NULL OR (NEW.confirmed_by, NEW.confirmed_at) IS NOT DISTINCT FROM
                (OLD.confirmed_by, OLD.confirmed_at))
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an ending stays as it was told'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'audit_ending_stays';
END $$;
CREATE TRIGGER audit_hold_stays BEFORE INSERT OR UPDATE OR DELETE ON audit_hold
    FOR EACH ROW EXECUTE FUNCTION audit_guard_hold();
ALTER TABLE audit_hold ENABLE ALWAYS TRIGGER audit_hold_stays;
CREATE TRIGGER audit_ending_stays BEFORE INSERT OR UPDATE OR DELETE ON audit_ending
    FOR EACH ROW EXECUTE FUNCTION audit_guard_ending();
ALTER TABLE audit_ending ENABLE ALWAYS TRIGGER audit_ending_stays
"""
DROP_GUARD_HOLD = """
DROP TRIGGER audit_hold_stays ON audit_hold;
DROP TRIGGER audit_ending_stays ON audit_ending;
DROP FUNCTION audit_guard_hold();
DROP FUNCTION audit_guard_ending()
"""
DROP = """
DROP FUNCTION audit_expire_origins(uuid, integer, text);
DROP FUNCTION audit_expire(bigint, integer, text);
DROP FUNCTION audit_standing(bigint, integer);
DROP FUNCTION audit_clock()
"""
# The table's own trigger goes back to what it was.
DROP_GUARD = """
CREATE OR REPLACE TRIGGER append_only_row BEFORE UPDATE OR DELETE ON audit_auditlog
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
ALTER TABLE audit_auditlog ENABLE ALWAYS TRIGGER append_only_row;
DROP FUNCTION audit_guard_removal();
DROP FUNCTION audit_least_days(text)
"""
