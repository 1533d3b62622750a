"""What an endpoint is asked, and how its answers are checked: by their hashes where the chain allows it.

A header is hashed again, so its number, parent, bloom and roots are facts. The logs of a block come as receipts
whose root must be the header's: none can be missing, added or changed. Where that would cost too much, ranges of
logs are asked for instead, and what is doubtful of them is decided by the receipts. Nothing of an answer that does
not suffice is kept.
"""

from apps.chain.fetching.blocks import FetchedBlock, all_logs, fetch_blocks, first_that_fit
from apps.chain.fetching.endpoint import Call, Endpoint
from apps.chain.fetching.headers import Tip, fetch_headers, fetch_tip
from apps.chain.fetching.transactions import prove_transactions
from apps.chain.limits import Limits, Policy

__all__ = [
    "Call",
    "Endpoint",
    "FetchedBlock",
    "Limits",
    "Policy",
    "Tip",
    "all_logs",
    "fetch_blocks",
    "fetch_headers",
    "fetch_tip",
    "first_that_fit",
    "prove_transactions",
]
