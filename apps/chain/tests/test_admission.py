"""MINTER's admission to tokens that were deployed before there was one, where it fails."""

from apps.chain import calls
from apps.chain.models import TxIntent
from apps.chain.selectors import tokens as read
from apps.chain.services.tokens import admit_minter
from apps.chain.services.tokens.minting import TRIES
from apps.chain.signers.development import INDEX
from apps.chain.testing import ChainPlatform
from apps.chain.tests.sending import send
from apps.chain.tests.test_journeys import ISIN, SECOND, deploy
from apps.chain.types import BindingState, SignerRole
from apps.core import clock
from apps.core.models import Alert


def minter(platform: ChainPlatform) -> str:
    return platform.account(INDEX[SignerRole.MINTER]).address


def told() -> dict[str, str]:
    """Open alerts of admissions, by key."""
    found = Alert.objects.filter(source="chain.minter", resolved_at=None)
    return dict(found.values_list("dedup_key", "severity"))


def without_minter(platform: ChainPlatform, isin: str) -> str:
    """A live token of ours that knows no MINTER, and belongs to somebody else by now."""
    deploy(platform, isin)
    token = read.binding(isin).address
    for data in (calls._call("removeAgent(address)")(minter(platform)), calls.transfer_ownership(owner(platform))):
        send(token, data, key=f"{isin} {data[:4].hex()}", signer=SignerRole.DEPLOYER)
    platform.run_until_quiet()
    return token


def owner(platform: ChainPlatform) -> str:
    return platform.account(7).address


def admit(platform: ChainPlatform) -> int:
    """One run, to its end; how many transactions it found open."""
    found = admit_minter(node=platform.node, now=clock.now())
    platform.run_until_quiet()
    return found


def attempts(isin: str) -> list[tuple[str, str]]:
    """(number, state) of each."""
    ours = TxIntent.objects.filter(business_key__startswith=f"token.agent:{isin}:").order_by("business_key")
    return [(key.split(":")[2], state) for key, state in ours.values_list("business_key", "state")]


class TestAnAdmission:
    def test_that_failed_is_an_alert_and_is_sent_again(self, chain_platform: ChainPlatform) -> None:
        token = without_minter(chain_platform, ISIN)
        assert admit(chain_platform) == 1
        assert attempts(ISIN) == [("0", "REVERTED")]
        assert told() == {f"chain.minter:{ISIN}": "ERROR"}
        assert read.binding(ISIN).state == BindingState.LIVE
        chain_platform.send(
            chain_platform.account(7), token, calls.transfer_ownership(chain_platform.account(0).address)
        )
        assert admit(chain_platform) == 1
        assert attempts(ISIN) == [("0", "REVERTED"), ("1", "FINAL")]
        assert chain_platform.read(token, calls.is_agent(minter(chain_platform)), "bool")
        assert (told(), admit(chain_platform)) == ({}, 0)

    def test_is_sent_so_often_and_then_left_to_people(self, chain_platform: ChainPlatform) -> None:
        token = without_minter(chain_platform, SECOND)
        assert [admit(chain_platform) for _ in range(TRIES + 2)] == [1] * TRIES + [0, 0]
        assert attempts(SECOND) == [(str(number), "REVERTED") for number in range(TRIES)]
        assert told() == {f"chain.minter:{SECOND}": "ERROR"}
        chain_platform.send(chain_platform.account(7), token, calls.add_agent(minter(chain_platform)))
        assert (admit(chain_platform), told()) == (0, {})
