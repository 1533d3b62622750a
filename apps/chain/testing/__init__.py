"""Tests on a chain: the fixture `chain_platform` is a node with the platform deployed, and the books that go with it.

Beside it: `local_chain` (a bare node with a token), `lying_node` and `lies` (a node that tells well-formed lies),
`forks` (histories that part), `twin` (rows to compare with those of an honest run) and `boundaries` (kill -9 at a named
statement or call). Not imported by the product.
"""

from apps.chain.testing.fixtures import chain_platform, platform_template
from apps.chain.testing.platform import FINALITY_BLOCKS, ChainPlatform

__all__ = ["FINALITY_BLOCKS", "ChainPlatform", "chain_platform", "platform_template"]
