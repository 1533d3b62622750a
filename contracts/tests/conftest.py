"""Contract tests run on their own anvil: one platform per session, every test undone by a snapshot."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .market import Market, fund, open_market
from .node import CONTRACTS, Anvil, Chain

SELLERS, BUYERS = 95, 120  # more trades than fit in one transaction


@pytest.fixture(scope="session")
def artifacts() -> None:
    """contracts/build brought up to date."""
    if not (CONTRACTS / "node_modules").is_dir():
        pytest.fail('contract packages are missing: run "npm ci --ignore-scripts" in contracts/')
    node = shutil.which("node") or str(Path(sys.executable).parent / "node")
    compiled = subprocess.run([node, "compile.mjs"], cwd=CONTRACTS, capture_output=True, text=True, check=False)
    if compiled.returncode:
        pytest.fail(compiled.stderr)


@pytest.fixture(scope="session")
def chain(artifacts: None) -> Iterator[Chain]:
    anvil = Anvil(accounts=10 + SELLERS + BUYERS)
    try:
        yield Chain(anvil.url)
    finally:
        anvil.stop()


@pytest.fixture(scope="session")
def opened_market(chain: Chain) -> Market:
    return open_market(chain)


@pytest.fixture(scope="session")
def crowd(opened_market: Market) -> tuple[list[str], list[str]]:
    """(sellers, buyers): verified, funded, each with an identity contract of its own and a standing allowance."""
    wallets = opened_market.chain.accounts[10:]
    sellers, buyers = wallets[:SELLERS], wallets[SELLERS:]
    fund(opened_market, sellers, buyers)
    return sellers, buyers


@pytest.fixture
def market(opened_market: Market) -> Iterator[Market]:
    """The session's market; whatever the test does to the chain is undone after it."""
    snapshot = opened_market.chain.rpc("evm_snapshot")
    yield opened_market
    opened_market.chain.rpc("evm_revert", snapshot)


@pytest.fixture
def record_gas(record_property: Callable[[str, object], None]) -> Callable[[str, int, int], None]:
    """Records (what, trades, gas used); printed at the end of the run and kept in the JUnit report."""

    def record(what: str, trades: int, gas: int) -> None:
        record_property("gas", f"{what}: {trades} trades, {gas:,} gas, {gas // trades:,} each")

    return record


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.stats.get("passed", [])
    lines = [value for report in reports for name, value in report.user_properties if name == "gas"]
    if lines:
        terminalreporter.section("gas of settlement")
    for line in dict.fromkeys(lines):
        terminalreporter.write_line(line)
