"""A development node for the contract tests: anvil on a free loopback port, and a thin way to talk to it."""

import json
import platform
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi import decode
from eth_utils import function_abi_to_4byte_selector, get_abi_input_types
from web3 import HTTPProvider, Web3
from web3.contract import Contract

CONTRACTS = Path(__file__).resolve().parents[1]
TRANSACTION_GAS_CAP = 2**24  # EIP-7825
START_SECONDS = 10
RECEIPT_SECONDS = 20
BATCH_GAS = 2_000_000  # of each transaction in send_all
MOST_BLOCKS = 50

Receipt = dict[str, Any]


@cache
def artifact(name: str) -> dict[str, Any]:
    """Compiled contract `contracts/build/<name>.json`, e.g. "DeliveryVersusPayment" or "trex/Token"."""
    return json.loads((CONTRACTS / "build" / f"{name}.json").read_text())


def anvil_binary() -> Path:
    """Path of the installed anvil for this machine."""
    arch = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"@foundry-rs/anvil-{platform.system().lower()}-{arch}"
    return CONTRACTS / "node_modules" / package / "bin" / "anvil"


class Anvil:
    """One anvil process with the transaction gas cap enabled; `stop` ends it by its own pid."""

    def __init__(self, accounts: int) -> None:
        self._log = tempfile.NamedTemporaryFile(mode="w+", prefix="anvil-", suffix=".log")  # noqa: SIM115
        command = [anvil_binary(), "--host", "127.0.0.1", "--port", "0", "--enable-tx-gas-limit"]
        command += ["--accounts", str(accounts), "--gas-limit", "120000000"]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT)
        try:
            self.url = self._wait_until_listening()
        except BaseException:
            self.stop()
            raise

    def _wait_until_listening(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            found = re.search(r"Listening on (127\.0\.0\.1:\d+)", Path(self._log.name).read_text())
            if found:
                return f"http://{found[1]}"
            time.sleep(0.02)
        raise RuntimeError(f"anvil did not start: {Path(self._log.name).read_text()[-500:]}")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)
        self._log.close()


@dataclass(frozen=True)
class Revert:
    """Decoded revert data: the error's name and its arguments."""

    name: str
    args: tuple[Any, ...] = ()


class CallReverted(Exception):
    """A simulated call reverted; `revert` says why."""

    def __init__(self, revert: Revert) -> None:
        super().__init__(str(revert))
        self.revert = revert


@cache
def _error_types(contract_name: str) -> dict[bytes, tuple[str, list[str]]]:
    errors = [entry for entry in artifact(contract_name)["abi"] if entry["type"] == "error"]
    table = {bytes(function_abi_to_4byte_selector(e)): (e["name"], get_abi_input_types(e)) for e in errors}
    return table | {bytes.fromhex("08c379a0"): ("Error", ["string"]), bytes.fromhex("4e487b71"): ("Panic", ["uint256"])}


def decode_revert(data: bytes, contract_name: str = "DeliveryVersusPayment") -> Revert:
    """Revert data decoded by the contract's own errors, Error(string) and Panic(uint256)."""
    if not data:
        return Revert("")
    name, types = _error_types(contract_name).get(data[:4], (f"0x{data[:4].hex()}", None))
    return Revert(name, tuple(decode(types, data[4:])) if types is not None else (data[4:],))


@dataclass
class Chain:
    """JSON-RPC to one node whose accounts are unlocked."""

    url: str
    w3: Web3 = field(init=False)
    accounts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.w3 = Web3(HTTPProvider(self.url, request_kwargs={"timeout": 30}))
        self.w3.middleware_onion.remove("validation")  # two more requests before every call
        self.accounts = list(self.w3.eth.accounts)

    def rpc(self, method: str, *params: Any) -> Any:
        """Result of a JSON-RPC call; raises CallReverted or RuntimeError."""
        answer = self.w3.provider.make_request(method, list(params))
        if "error" not in answer:
            return answer["result"]
        error = answer["error"]
        if error["code"] == 3:  # execution reverted
            data = error.get("data") or "0x"
            raise CallReverted(decode_revert(bytes.fromhex(data[2:])))
        raise RuntimeError(f"{method}: {error['message']}")

    def at(self, name: str, address: str) -> Contract:
        return self.w3.eth.contract(address=Web3.to_checksum_address(address), abi=artifact(name)["abi"])

    def deploy(self, name: str, *args: Any, sender: str) -> Contract:
        """Deploys `contracts/build/<name>.json` and waits until it is mined."""
        factory = self.w3.eth.contract(abi=artifact(name)["abi"], bytecode=artifact(name)["bytecode"])
        receipt = self.send_data(None, factory.constructor(*args).data_in_transaction, sender=sender)
        return self.at(name, receipt["contractAddress"])

    def send(self, contract: Contract, function: str, *args: Any, sender: str, gas: int | None = None) -> Receipt:
        """Receipt of a mined transaction. Raises CallReverted when it reverted."""
        return self.send_data(contract.address, contract.encode_abi(function, args), sender=sender, gas=gas)

    def send_data(self, to: str | None, data: str, *, sender: str, gas: int | None = None) -> Receipt:
        transaction = {"from": sender, "data": data, "gas": hex(gas or TRANSACTION_GAS_CAP)}
        if to is not None:
            transaction["to"] = to
        tx_hash = self.rpc("eth_sendTransaction", transaction)
        receipt = self._receipt(tx_hash)
        if int(receipt["status"], 16) != 1:
            self.rpc("eth_call", transaction, "pending")
            raise CallReverted(Revert("reverted only when mined"))
        return receipt

    def rpc_batch(self, requests: list[tuple[str, list[Any]]]) -> list[Any]:
        """Results of many JSON-RPC calls sent together; the node may run them in any order."""
        answers = self.w3.provider.make_batch_request(requests) if requests else []
        failed = [answer["error"]["message"] for answer in answers if "error" in answer]
        if failed:
            raise RuntimeError(f"{len(failed)} of {len(requests)} requests failed: {failed[0]}")
        return [answer["result"] for answer in sorted(answers, key=lambda answer: answer["id"])]

    def send_all(self, calls: list[tuple[Contract, str, tuple[Any, ...], str]]) -> None:
        """Mines many transactions (contract, function, args, sender) together; all must succeed."""
        transactions = [
            {"from": sender, "to": contract.address, "data": contract.encode_abi(function, args), "gas": hex(BATCH_GAS)}
            for contract, function, args, sender in calls
        ]
        self._number(transactions)
        self.rpc("evm_setAutomine", False)
        try:
            hashes = self.rpc_batch([("eth_sendTransaction", [transaction]) for transaction in transactions])
            receipts = self._mine(hashes)
        finally:
            self.rpc("evm_setAutomine", True)
        failed = [call[1] for call, receipt in zip(calls, receipts, strict=True) if int(receipt["status"], 16) != 1]
        if failed:
            raise RuntimeError(f"reverted: {failed}")

    def _mine(self, hashes: list[str]) -> list[Receipt]:
        for _ in range(MOST_BLOCKS):
            self.rpc("evm_mine")
            receipts = self.rpc_batch([("eth_getTransactionReceipt", [tx_hash]) for tx_hash in hashes])
            if None not in receipts:
                return receipts
        raise RuntimeError(f"not mined in {MOST_BLOCKS} blocks")

    def _number(self, transactions: list[dict[str, Any]]) -> None:
        """Gives each transaction its nonce: a batch runs concurrently, so the node cannot be left to count."""
        senders = sorted({transaction["from"] for transaction in transactions})
        nonces = self.rpc_batch([("eth_getTransactionCount", [sender, "pending"]) for sender in senders])
        following = {sender: int(nonce, 16) for sender, nonce in zip(senders, nonces, strict=True)}
        for transaction in transactions:
            transaction["nonce"] = hex(following[transaction["from"]])
            following[transaction["from"]] += 1

    def _receipt(self, tx_hash: str) -> Receipt:
        deadline = time.monotonic() + RECEIPT_SECONDS
        while time.monotonic() < deadline:
            receipt = self.rpc("eth_getTransactionReceipt", tx_hash)
            if receipt is not None:
                return receipt
            time.sleep(0.001)
        raise RuntimeError(f"not mined: {tx_hash}")

    def now(self) -> int:
        """Timestamp of the latest block, seconds."""
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
