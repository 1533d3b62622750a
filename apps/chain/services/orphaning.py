"""What was mined in a block that is no longer the chain's is on its way again."""

import logging

from apps.core.db import fetch_all, run_sql, within_unit_of_work

log = logging.getLogger(__name__)

# By the stored blocks alone: its block was orphaned, or another one stands at its height.
ORPHAN = """
    UPDATE chain_txintent i SET state = 'ORPHANED'
    WHERE i.state IN ('MINED', 'SAFE') AND (
        EXISTS (SELECT 1 FROM chain_block b WHERE b.hash = i.block_hash AND NOT b.canonical)
        OR EXISTS (
            SELECT 1 FROM chain_block b WHERE b.number = i.block_number AND b.canonical AND b.hash <> i.block_hash)
    )
    RETURNING i.id
"""
SEND_AGAIN = """
    UPDATE chain_txintent SET state = 'BROADCAST', tx_hash = NULL, block_number = NULL, block_hash = NULL,
        succeeded = NULL, gas_used = NULL, event = NULL, reason = '', reason_detail = ''
    WHERE id = ANY(%s)
"""


@within_unit_of_work
def orphan_intents() -> int:
    """Put intents whose block is not canonical back to BROADCAST, by way of ORPHANED; their number.

    Where they were mined again is read from the node; what nobody has is sent again, the same bytes.
    """
    orphaned = [id_ for (id_,) in fetch_all(ORPHAN)]
    if orphaned:
        run_sql(SEND_AGAIN, [orphaned])
        log.warning("mined transactions thrown out by a reorganisation", extra={"number": len(orphaned)})
    return len(orphaned)
