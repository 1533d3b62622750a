"""What the database does itself for holdings. A view that changes gets a new text here and a migration."""

# Every effect on holders there is, whenever it was read.
EFFECTS = """
CREATE VIEW chain_effect WITH (security_invoker = true) AS
    SELECT l.id AS log_id, l.block_id, l.block_number, l.address AS token, l.effect, l.sender, l.recipient, l.amount
    FROM chain_rawlog l WHERE l.effect IS NOT NULL
    UNION ALL
    SELECT l.id, l.block_id, l.block_number, l.address, e.effect, e.sender, e.recipient, e.amount
    FROM chain_lateeffect e JOIN chain_rawlog l ON l.id = e.log_id;
GRANT SELECT ON chain_effect TO PUBLIC
"""
DROP_EFFECTS = "DROP VIEW chain_effect"
