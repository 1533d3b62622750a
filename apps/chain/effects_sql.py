"""What the database does itself for holdings. A view that changes gets a new text here and a migration."""

# Every effect on holders there is, whenever it was read. Before tokens of partitions: 0002.
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

# Of a movement that is told by two families of events only the one counts that its token is folded from: 0007.
EFFECTS_BY_FAMILY = """
CREATE VIEW chain_effect WITH (security_invoker = true) AS
    SELECT log_id, block_id, block_number, token, CASE effect WHEN 'P' THEN 'M' ELSE effect END AS effect,
           sender, recipient, amount
    FROM (
        SELECT l.id AS log_id, l.block_id, l.block_number, l.address AS token, l.effect,
               l.sender, l.recipient, l.amount
        FROM chain_rawlog l
        UNION ALL
        SELECT l.id, l.block_id, l.block_number, l.address, e.effect, e.sender, e.recipient, e.amount
        FROM chain_lateeffect e JOIN chain_rawlog l ON l.id = e.log_id
    ) told
    WHERE effect IN ('F', 'U') OR (effect IN ('M', 'P') AND (effect = 'P') = (token IN (
        SELECT decode(substr(address, 3), 'hex') FROM chain_tokenbinding
        WHERE folds = 'PARTITION' AND address IS NOT NULL
    )));
GRANT SELECT ON chain_effect TO PUBLIC
"""
