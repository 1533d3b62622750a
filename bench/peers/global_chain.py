"""The usual audit chain: one table, each row linked to the last by its hash, under one lock until the commit."""

MAKE = """
CREATE TABLE peer_audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, action text NOT NULL,
    resource text NOT NULL, before json, after json, prev_hash bytea NOT NULL, hash bytea NOT NULL
);
CREATE TABLE peer_audit_head (one boolean PRIMARY KEY, hash bytea NOT NULL);
INSERT INTO peer_audit_head VALUES (true, ''::bytea);
CREATE FUNCTION peer_audit_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT hash INTO NEW.prev_hash FROM peer_audit_head FOR UPDATE;
    NEW.at := clock_timestamp();
    NEW.hash := sha256(NEW.prev_hash || convert_to(
        concat_ws('|', NEW.id, NEW.at, NEW.action, NEW.resource, NEW.before, NEW.after), 'UTF8'));
    UPDATE peer_audit_head SET hash = NEW.hash;
    RETURN NEW;
END $$;
CREATE TRIGGER peer_audit_link BEFORE INSERT ON peer_audit FOR EACH ROW EXECUTE FUNCTION peer_audit_link();
GRANT INSERT, SELECT ON peer_audit TO PUBLIC;
GRANT SELECT, UPDATE ON peer_audit_head TO PUBLIC
"""
