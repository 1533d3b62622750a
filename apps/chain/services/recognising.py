"""Which chain these books belong to."""

from datetime import datetime

from apps.chain.errors import ChainMismatch
from apps.chain.fetching import Endpoint
from apps.chain.models import Chain
from apps.chain.wire import read_header
from apps.core.db import unit_of_work


def recognise(*, node: Endpoint, now: datetime) -> None:
    """Remember which chain these books belong to. Raises ChainMismatch if the node serves another history."""
    genesis = read_header(node.call("eth_getBlockByNumber", "0x0", False)).hash
    if not Chain.objects.filter(id=node.chain_id).exists():
        with unit_of_work():
            row = Chain(id=node.chain_id, genesis_hash=genesis, created_at=now)
            Chain.objects.bulk_create([row], ignore_conflicts=True)
    if Chain.objects.get(id=node.chain_id).genesis_hash != genesis:
        raise ChainMismatch
