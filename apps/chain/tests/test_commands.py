"""What chain_status tells an operator."""

from io import StringIO

from django.core.management import call_command
from django.test.utils import override_settings

from apps.chain.models import Signer
from apps.chain.testing import ChainPlatform
from apps.chain.tests.sending import send
from apps.chain.types import SignerRole
from apps.core import clock
from apps.core.devstack.ports import free_port


def status() -> list[str]:
    said = StringIO()
    call_command("chain_status", stdout=said)
    return said.getvalue().splitlines()


class TestChainStatus:
    def test_tells_node_blocks_signers_and_contracts(self, chain_platform: ChainPlatform) -> None:
        chain_platform.run_until_quiet()
        send(key="open")
        lines = status()
        assert lines[:2] == ["chain 31337", f"node head {chain_platform.head()}"]
        assert lines[2].startswith(f"stored head {chain_platform.head()} 0x")
        assert f"node CHAIN_RPC_URL HEALTHY head {chain_platform.head()}" in lines
        assert "behind the nodes 0 blocks, dead letters 0" in lines
        assert "reorganisations 0, the last of 0 blocks" in lines
        assert "open intents NONCED 1" in lines
        assert f"contract dvp {chain_platform.contracts['dvp']}" in lines

    def test_tells_of_a_frozen_signer(self, chain_platform: ChainPlatform) -> None:
        Signer.objects.filter(pk=SignerRole.AGENT).update(frozen_at=clock.now(), frozen_reason="FOREIGN_TRANSACTION")
        assert any(line.endswith("STOPPED: FOREIGN_TRANSACTION") for line in status())

    def test_works_without_a_node(self, chain_platform: ChainPlatform) -> None:
        with override_settings(CHAIN_RPC_URL=f"http://127.0.0.1:{free_port()}"):
            assert "node head unknown (chain_unavailable)" in status()
