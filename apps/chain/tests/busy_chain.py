"""A private node with blocks of every kind: all types of transactions, many in one block, many logs, failures."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx
import rlp
from coincurve import PrivateKey
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

from apps.chain.codec import TRANSFER
from apps.chain.gateway import Node
from apps.chain.testing.local_chain import LocalChain, speaker
from apps.core.devstack.anvil import private_node
from apps.core.devstack.layout import CHAIN_ID

GAS_PRICE = 200 * 10**9
INFINITY = b"\xc0" + bytes(47)  # the commitment to a blob of zeros, and its proof
MNEMONIC = "test test test test test test test test test test test junk"  # anvil's, printed in its manual


def chatterbox() -> str:
    """Code of a contract that logs Transfer(n, n) of n units, for n from the word it is sent down to one."""
    body = f"805f5280807f{TRANSFER[2:]}60205fa360019003600256"  # log, count down, loop
    start = "5f355b8015"  # the count; loop: is it zero?
    end = (len(start) + len("60xx57") + len(body)) // 2
    return f"{start}60{end:02x}57{body}5b00"


@dataclass
class BusyChain(LocalChain):
    """anvil with two contracts that say what they are told, and keys to sign with."""

    keys: list[LocalAccount] = field(init=False)
    talker: str = field(init=False)  # logs many transfers
    speakers: list[str] = field(init=False)  # each logs one event of as many topics as its place
    faulty: str = field(init=False)  # reverts

    def __post_init__(self) -> None:
        super().__post_init__()
        self.node = Node(self.url, chain_id=CHAIN_ID, timeout=httpx.Timeout(60))
        Account.enable_unaudited_hdwallet_features()
        self.keys = [Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{at}") for at in range(3)]
        self.talker = self.deploy_code(chatterbox())
        self.speakers = [self.deploy_code(speaker(topics)) for topics in range(5)]
        self.faulty = self.deploy_code("5f5ffd")

    def talk(self, logs: int) -> str:
        """A transaction with so many transfers."""
        return self.send(self.talker, f"0x{logs:064x}")

    def crowd(self, requests: Sequence[dict[str, Any]]) -> None:
        """One block of many transactions of the second account."""
        self.node.call("evm_setAutomine", False)
        sender = self.accounts[1]
        first = int(self.node.call("eth_getTransactionCount", sender, "latest"), 16)
        calls = [
            ("eth_sendTransaction", ({"from": sender, "nonce": hex(first + at), "gas": hex(100_000)} | request,))
            for at, request in enumerate(requests)
        ]
        assert all(isinstance(answer, str) for answer in self.node.batch(calls))
        self.node.call("evm_mine")
        self.node.call("evm_setAutomine", True)

    def send_types(self, *kinds: int) -> None:
        """One transaction of each type. For its first blob (type 3) the node takes up to ten seconds."""
        for kind in kinds:
            nonce = int(self.node.call("eth_getTransactionCount", self.keys[2].address, "latest"), 16)
            self.send_raw("0x" + self._signed(kind, nonce).hex())

    def _signed(self, kind: int, nonce: int) -> bytes:
        key = self.keys[2]
        if kind == 3:
            return blob_transaction(key, nonce, self.talker, bytes(31) + b"\x01")
        fields: dict[str, Any] = {
            "nonce": nonce, "gas": 300_000, "value": 0, "to": bytes.fromhex(self.talker[2:]),
            "data": bytes(31) + b"\x02", "chainId": CHAIN_ID,
        }  # fmt: skip
        if kind in {0, 1}:
            fields["gasPrice"] = GAS_PRICE
        else:
            fields |= {"maxFeePerGas": GAS_PRICE, "maxPriorityFeePerGas": 10**9}
        if kind:
            fields["type"] = kind
        if kind == 1:
            fields["accessList"] = [{"address": key.address, "storageKeys": ["0x" + "07" * 32]}]
        if kind == 4:
            grant = {"chainId": CHAIN_ID, "address": bytes.fromhex(self.talker[2:]), "nonce": 0}
            fields["authorizationList"] = [self.keys[0].sign_authorization(grant)]
        return bytes(key.sign_transaction(fields).raw_transaction)


def blob_transaction(key: LocalAccount, nonce: int, to: str, data: bytes) -> bytes:
    """A transaction of type 3 (EIP-4844) with one blob of zeros."""
    versioned = b"\x01" + sha256(INFINITY).digest()[1:]
    body = [
        CHAIN_ID, nonce, 10**9, GAS_PRICE, 300_000, bytes.fromhex(to[2:]), 0, data, [], 10**9, [versioned]
    ]  # fmt: skip
    signature = PrivateKey(bytes(key.key)).sign_recoverable(keccak(b"\x03" + rlp.encode(body)), hasher=None)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return b"\x03" + rlp.encode([[*body, signature[64], r, s], [bytes(131_072)], [INFINITY], [INFINITY]])


@contextmanager
def busy_chain(crowd: int = 270) -> Iterator[BusyChain]:
    """A chain whose blocks are of every kind, one of them of so many transactions; ended with the block."""
    with private_node() as url:
        chain = BusyChain(url)
        try:
            _fill(chain, crowd)
            yield chain
        finally:
            chain.close()


def _fill(chain: BusyChain, crowd: int) -> None:
    chain.mine(2)
    chain.send_types(0, 1, 2, 4)
    chain.talk(300)
    for topics, contract in enumerate(chain.speakers):
        for size in (0, 1, 32, 33, 55, 300):
            chain.send(contract, "0x" + "7f" * (32 * topics + size))
    chain.send(chain.faulty, "0x")
    say = {"to": chain.talker, "data": f"0x{2:064x}"}
    chain.crowd([{"to": chain.faulty} if at % 40 == 7 else say for at in range(crowd)])
    chain.mine(1)
