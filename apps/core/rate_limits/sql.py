"""The statements of the counters in the database, built of the fragments of this file alone."""

# How old the counter's window is, in windows: 0 is this one, 1 the one before, more is forgotten.
_AGE = "floor(extract(epoch FROM greatest(t.at - c.starts_at, interval '0')) / %(seconds)s)"
_STARTS = f"CASE WHEN {_AGE} < 2 THEN c.starts_at + {_AGE} * %(seconds)s * interval '1 second' ELSE t.at END"
_NOW_IN_FORCE = f"""
    SELECT CASE {_AGE} WHEN 0 THEN c.previous WHEN 1 THEN c.current ELSE 0 END AS previous,
           CASE {_AGE} WHEN 0 THEN c.current ELSE 0 END AS current,
           {_STARTS} AS starts_at, t.at AS at
    FROM (SELECT clock_timestamp() AS at) t
"""  # noqa: S608
_LEFT = "(%(seconds)s - greatest(extract(epoch FROM w.at - w.starts_at), 0))"
TAKE = f"""
    INSERT INTO core_ratecounter AS c (key, previous, current, starts_at, expires_at)
    VALUES (%(key)s, 0, %(amount)s, clock_timestamp(), clock_timestamp() + 2 * %(seconds)s * interval '1 second')
    ON CONFLICT (key) DO UPDATE SET (previous, current, starts_at, expires_at) = (
        SELECT w.previous, w.current + %(amount)s, w.starts_at, w.starts_at + 2 * %(seconds)s * interval '1 second'
        FROM ({_NOW_IN_FORCE}) w)
    WHERE (SELECT floor(w.previous * {_LEFT} / %(seconds)s) + w.current + %(amount)s <= %(limit)s
           FROM ({_NOW_IN_FORCE}) w)
    RETURNING key
"""  # noqa: S608
READ = f"""
    SELECT w.previous, w.current, {_LEFT} FROM core_ratecounter c, LATERAL ({_NOW_IN_FORCE}) w WHERE c.key = %(key)s
"""  # noqa: S608
INCREASE = """
    INSERT INTO core_ratecounter AS c (key, previous, current, starts_at, expires_at)
    VALUES (%(key)s, 0, %(amount)s, clock_timestamp(), clock_timestamp() + %(seconds)s * interval '1 second')
    ON CONFLICT (key) DO UPDATE SET
        current = CASE WHEN c.expires_at > clock_timestamp() THEN c.current ELSE 0 END + EXCLUDED.current,
        starts_at = CASE WHEN c.expires_at > clock_timestamp() THEN c.starts_at ELSE EXCLUDED.starts_at END,
        expires_at = CASE WHEN c.expires_at > clock_timestamp() THEN c.expires_at ELSE EXCLUDED.expires_at END
    RETURNING current
"""
PURGE = """
    DELETE FROM core_ratecounter WHERE key IN (
        SELECT key FROM core_ratecounter WHERE expires_at < clock_timestamp()
        ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
"""
