"""Reading the journal of batches."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.core.db import as_columns, fetch_all

ROWS = """
    SELECT j.shard, j.seq, j.epoch, j.prev_hash, j.body
    FROM unnest(%s::text[], %s::bigint[]) AS n (shard, seq) JOIN dex_journal j ON j.shard = n.shard AND j.seq = n.seq
"""


def journal_rows(places: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], Mapping[str, Any]]:
    """Of the rows asked for by (shard, number) those there are, with all that their hash is made of."""
    return {
        (shard, seq): {
            "body": bytes(body).decode(errors="replace"),
            "epoch": epoch,
            "prev_hash": prev_hash,
            "seq": seq,
            "shard": shard,
        }
        for shard, seq, epoch, prev_hash, body in fetch_all(ROWS, as_columns(places, 2))
    }
