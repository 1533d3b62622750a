"""The chain's nodes: what the environment may say of them."""

import pytest

from config import settings
from config.chain import FURTHER, read_further
from config.variables import Variables

FIRST = "https://node.example.org/key-of-the-first-node"


def read(patch: pytest.MonkeyPatch, **values: str) -> tuple[list[str], list[str]]:
    """(URLs of the further nodes, what is refused)."""
    for name in FURTHER:
        patch.setenv(name, values.get(name, ""))
    env = Variables()
    urls = read_further(env, first=FIRST, read_url=lambda name: env.url(name, schemes=("https",), development=""))
    return urls, env.problems


class TestFurtherNodes:
    def test_may_all_be_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert read(monkeypatch) == (["", "", "", ""], [])

    def test_keep_their_places(self, monkeypatch: pytest.MonkeyPatch) -> None:
        two, four = "https://two.example.net", "https://four.example.net"
        assert read(monkeypatch, CHAIN_RPC_URL_2=two, CHAIN_RPC_URL_4=four) == ([two, "", four, ""], [])

    @pytest.mark.parametrize("url", ["nonsense", "ftp://node.example.net"])
    def test_are_urls(self, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        (problem,) = read(monkeypatch, CHAIN_RPC_URL_3=url)[1]
        assert problem.startswith("CHAIN_RPC_URL_3 must be a URL")

    def test_are_not_the_same_node_twice_and_no_message_holds_a_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        two = "https://two.example.net/key-of-the-second"
        _, problems = read(monkeypatch, CHAIN_RPC_URL_2=FIRST, CHAIN_RPC_URL_3=two, CHAIN_RPC_URL_5=two)
        assert [problem.split()[0] for problem in problems] == ["CHAIN_RPC_URL_2", "CHAIN_RPC_URL_5"]
        assert "key" not in str(problems)

    def test_are_no_part_of_what_a_log_may_tell(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHAIN_RPC_URL_2", "https://two.example.net/key-of-the-second")
        env = Variables()
        read_further(env, first=FIRST, read_url=lambda name: env.url(name, schemes=("https",), development=""))
        assert "key-of-the-second" in env.secret_values()

    def test_are_settings(self) -> None:
        assert [getattr(settings, name) for name in FURTHER] == ["", "", "", ""]
