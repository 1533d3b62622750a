"""A node of a test's own."""

from urllib.parse import urlsplit

import psutil

from apps.core.devstack.anvil import call, private_node


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


class TestPrivateNode:
    def test_has_a_chain_of_its_own_and_ends_with_its_block(self) -> None:
        before = [child for child in psutil.Process().children() if child.name() == "anvil"]
        with private_node() as one, private_node() as two:
            call(port_of(one), "anvil_mine", "0x5")
            assert call(port_of(one), "eth_blockNumber") == "0x5"
            assert call(port_of(two), "eth_blockNumber") == "0x0"
        assert call(port_of(one), "eth_blockNumber") is None
        assert [child for child in psutil.Process().children() if child.name() == "anvil"] == before

    def test_makes_blocks_final_after_two_when_an_epoch_has_one_slot(self) -> None:
        with private_node(slots_in_an_epoch=1) as url:
            call(port_of(url), "anvil_mine", "0x9")
            assert call(port_of(url), "eth_getBlockByNumber", "finalized", False)["number"] == "0x7"

    def test_has_blocks_as_large_as_asked_for(self) -> None:
        with private_node() as usual, private_node(gas_limit=2_000_000_000) as large:
            limits = [call(port_of(url), "eth_getBlockByNumber", "latest", False)["gasLimit"] for url in (usual, large)]
        assert [int(limit, 16) for limit in limits] == [30_000_000, 2_000_000_000]

    def test_forgets_past_states_where_it_is_to_keep_few(self) -> None:
        account = "0x" + "00" * 20
        with private_node() as usual, private_node(states=5) as forgetful:
            found = []
            for port in (port_of(usual), port_of(forgetful)):
                call(port, "anvil_mine", "0x40")
                found.append([call(port, "eth_getBalance", account, number) for number in ("0x2", "0x40")])
        assert found == [["0x0", "0x0"], [None, "0x0"]]
