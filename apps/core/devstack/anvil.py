"""anvil, an EVM node for development, from the npm package pinned in contracts/.

The private keys of its accounts are printed in its manual: it is never anything but a development chain.
"""

import http.client
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import psutil

from apps.core.devstack.errors import DevstackError
from apps.core.devstack.layout import CHAIN_ID, CHECKOUT
from apps.core.devstack.ports import free_port
from apps.core.devstack.processes import end, spawn
from apps.core.devstack.server import Server, clean_environment, executable

_SAVE_SECONDS = 60  # each time the whole chain is written, about 2 kB a block


class Anvil(Server):
    name: ClassVar[str] = "anvil"
    program: ClassVar[str] = "anvil"
    replaced_by: ClassVar[str] = "CHAIN_RPC_URL"

    @property
    def marker(self) -> str:
        return str(self.folder / "cache")

    @property
    def _saved(self) -> Path:
        return self.folder / "chain.json"

    def argv(self, port: int) -> list[str]:
        profile = self.home.profile
        words = _argv(port, profile.block_time, profile.slots_in_an_epoch, cache=self.marker)
        if profile.durable:
            words += ["--state", str(self._saved), "--state-interval", str(_SAVE_SECONDS)]
        return words

    def prepare(self) -> None:
        self.folder.mkdir(exist_ok=True)

    def answers(self, port: int) -> bool:
        return bool(call(port, "eth_chainId") == hex(CHAIN_ID))

    def after_start(self, port: int) -> None:
        """Blocks loaded from a file have no readable past state: two new ones make `finalized` readable at once."""
        if self.home.profile.slots_in_an_epoch == 1 and self._saved.exists():
            call(port, "anvil_mine", "0x3")

    def urls(self) -> dict[str, str]:
        return {"CHAIN_RPC_URL": f"http://127.0.0.1:{self.port}"}


@contextmanager
def private_node(
    *,
    block_time: int | None = None,
    slots_in_an_epoch: int | None = None,
    large_requests: bool = False,
    gas_limit: int | None = None,
    states: int | None = None,
) -> Iterator[str]:
    """Run a node of one's own, with an empty chain in memory, and yield its URL; it ends with the block.

    For tests that reorganise, pause or stop the chain. Without `block_time` (seconds) each transaction mines a block;
    without `large_requests` no request may exceed 2 MB; `gas_limit` is a block's, where it is not to be 30 million;
    `states` is how many past states are kept, where it is not to be all.
    """
    with tempfile.TemporaryDirectory(prefix="bookentry-anvil-") as folder:
        port = free_port()
        argv = _argv(port, block_time, slots_in_an_epoch, cache=f"{folder}/cache")
        argv += ["--no-request-size-limit"] if large_requests else []
        argv += ["--gas-limit", str(gas_limit)] if gas_limit is not None else []
        argv += ["--prune-history", str(states)] if states is not None else []
        child = spawn(argv, log=Path(folder) / "log", env=clean_environment())
        try:
            deadline = time.monotonic() + 20
            while call(port, "eth_chainId") is None:
                if child.poll() is not None or time.monotonic() > deadline:
                    raise DevstackError(f"anvil did not start: {(Path(folder) / 'log').read_text().strip()[-300:]}")
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}"
        finally:
            with suppress(psutil.NoSuchProcess):
                end(psutil.Process(child.pid), seconds=5)
            child.wait()


def call(port: int, method: str, *params: Any) -> Any:
    """Return the result of one JSON-RPC call on loopback, or None if there was no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)  # unlike urllib, asks no proxy
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    try:
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read()).get("result")
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _argv(port: int, block_time: int | None, slots_in_an_epoch: int | None, *, cache: str) -> list[str]:
    words = [str(binary()), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID)]
    # Eleven: the platform's keys and people's, see apps.chain.signers.development.
    words += ["--enable-tx-gas-limit", "--quiet", "--cache-path", cache, "--accounts", "11"]
    if block_time is not None:
        words += ["--block-time", str(block_time)]
    if slots_in_an_epoch is not None:
        words += ["--slots-in-an-epoch", str(slots_in_an_epoch)]
    return words


def binary() -> Path:
    found = sorted((CHECKOUT / "contracts" / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil"))
    if not found:
        raise DevstackError("anvil is not installed: run `make setup`, or set CHAIN_RPC_URL")
    return executable(found[0], "anvil")
