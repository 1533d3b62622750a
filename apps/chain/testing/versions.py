"""Another version of the contracts our tokens run, as whoever decides about them would bring it in."""

from apps.chain import calls
from apps.chain.services.deployment import IMPLEMENTATIONS
from apps.chain.testing.platform import ChainPlatform

SOMEBODY = 5
VERSION = (4, 1, 7)


def next_trex_version(platform: ChainPlatform) -> bytes:
    """The call of the authority by which all tokens run a newly deployed copy of the same code."""
    made = platform.deploy(platform.account(SOMEBODY), calls.creation("trex/Token"))
    others = [platform.contracts[name] for name in IMPLEMENTATIONS][1:]
    return calls.add_and_use_trex_version(VERSION, (made, *others))
