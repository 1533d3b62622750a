"""The chain, as an outsider sees it: JSON-RPC and keys of one's own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx
from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import function_signature_to_4byte_selector, keccak, to_checksum_address

Account.enable_unaudited_hdwallet_features()
# The test phrase every development chain funds. Its keys are public: they are worth nothing anywhere else.
PHRASE = "test test test test test test test test test test test junk"
ISSUER_AGENT, CASH_ISSUER, FAUCET = 7, 8, 9
GWEI = 10**9
BLOCK_SECONDS = 1


class Wallet:
    """A key that never leaves this program."""

    def __init__(self, account: Any) -> None:
        self._account = account
        self.address: str = account.address.lower()

    @classmethod
    def new(cls) -> "Wallet":
        """A fresh key."""
        return cls(Account.create())

    @classmethod
    def development(cls, index: int) -> "Wallet":
        """One of the development chain's funded keys."""
        return cls(Account.from_mnemonic(PHRASE, account_path=f"m/44'/60'/0'/0/{index}"))

    def sign_message(self, text: str) -> str:
        """EIP-191 personal_sign."""
        return "0x" + self._account.sign_message(encode_defunct(text=text)).signature.hex().removeprefix("0x")

    def sign(self, transaction: dict[str, Any]) -> str:
        """Raw bytes of a signed transaction."""
        return "0x" + self._account.sign_transaction(transaction).raw_transaction.hex().removeprefix("0x")


class Chain:
    """A node."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False)
        self._ids = count(1)
        self.id = int(self.call("eth_chainId"), 16)

    def call(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call's result."""
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        answer = self._client.post("", json=body).json()
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def read(self, contract: str, signature: str, *values: Any) -> int:
        """A view function that returns one word, as an integer."""
        return int(self.call("eth_call", {"to": contract, "data": _calldata(signature, values)}, "latest"), 16)

    def send(self, wallet: Wallet, to: str, signature: str = "", *values: Any, ether: int = 0) -> str:
        """Sign and send a transaction, wait until it is mined; its hash. Raises RuntimeError if it reverted."""
        sent = self.broadcast(wallet, to, signature, *values, ether=ether)
        return self.mined(sent)

    def broadcast(self, wallet: Wallet, to: str, signature: str = "", *values: Any, ether: int = 0) -> str:
        """Sign and send a transaction; its hash."""
        data = _calldata(signature, values) if signature else "0x"
        request = {"from": wallet.address, "to": to, "data": data, "value": hex(ether * 10**18)}
        transaction = {
            "to": _checksum(to),
            "data": data,
            "value": ether * 10**18,
            "gas": int(int(self.call("eth_estimateGas", request), 16) * 1.3),
            "nonce": int(self.call("eth_getTransactionCount", wallet.address, "pending"), 16),
            "chainId": self.id,
            "maxPriorityFeePerGas": GWEI,
            "maxFeePerGas": 2 * int(self.call("eth_gasPrice"), 16) + GWEI,
        }
        return str(self.call("eth_sendRawTransaction", wallet.sign(transaction)))

    def mined(self, transaction_hash: str, seconds: float = 20) -> str:
        """Wait for the receipt; the hash. Raises RuntimeError if it reverted."""
        deadline = time.monotonic() + seconds
        while (receipt := self.call("eth_getTransactionReceipt", transaction_hash)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{transaction_hash} was not mined")
            time.sleep(0.1)
        if int(receipt["status"], 16) != 1:
            raise RuntimeError(f"{transaction_hash} reverted")
        return transaction_hash

    def events(self, contract: str, signature: str) -> list[dict[str, Any]]:
        """All logs of one event of a contract."""
        topic = "0x" + keccak(text=signature).hex()
        query = {"address": contract, "topics": [topic], "fromBlock": "0x0", "toBlock": "latest"}
        return list(self.call("eth_getLogs", query))

    def hash_at(self, number: int) -> str:
        """The hash of the block at this height."""
        return str(self.call("eth_getBlockByNumber", hex(number), False)["hash"])

    def block_of(self, transaction_hash: str) -> int:
        """The height at which a transaction was mined."""
        return int(self.call("eth_getTransactionReceipt", transaction_hash)["blockNumber"], 16)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Until the end of this, blocks are mined by hand only."""
        self.call("evm_setIntervalMining", 0)
        try:
            yield
        finally:
            self.call("evm_setIntervalMining", BLOCK_SECONDS)

    def waiting(self) -> int:
        """How many transactions the next block could take."""
        return int(self.call("txpool_status")["pending"], 16)

    def mine(self, number: int) -> int:
        """Mine so many blocks; the height of the last."""
        for _ in range(number):
            self.call("evm_mine")
        return int(self.call("eth_blockNumber"), 16)

    def reorganise(self, depth: int) -> None:
        """Replace the last `depth` blocks by empty ones, as when another branch turns out to be the heavier."""
        self.call("anvil_reorg", depth, [])

    def wait_blocks(self, number: int) -> None:
        """Wait for that many new blocks."""
        target = int(self.call("eth_blockNumber"), 16) + number
        while int(self.call("eth_blockNumber"), 16) < target:
            time.sleep(0.1)


def _calldata(signature: str, values: tuple[Any, ...]) -> str:
    types = signature[signature.index("(") + 1 : -1].split(",")
    return "0x" + (function_signature_to_4byte_selector(signature) + encode([t for t in types if t], values)).hex()


def _checksum(address: str) -> str:
    return to_checksum_address(address)
