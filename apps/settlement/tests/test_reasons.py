"""Revert data as ISO 20022 reasons."""

import pytest
from eth_abi import encode
from eth_utils.crypto import keccak

from apps.settlement.reasons import Failure, read_reason
from apps.settlement.tests.logs import ALICE, CASH, SHARES
from apps.settlement.types import Reason


def error(signature: str, *values: object) -> bytes:
    types = [t for t in signature[signature.index("(") + 1 : -1].split(",") if t]
    return keccak(text=signature)[:4] + encode(types, values)


def of_leg(token: str, inner: bytes) -> Failure:
    return read(error("TransferFailed(address,bytes)", token, inner))


def read(data: bytes) -> Failure:
    return read_reason("0x" + data.hex(), cash_tokens=frozenset({CASH}))


class TestReadReason:
    def test_calls_a_small_erc3643_allowance_a_lack_of_securities(self) -> None:
        assert of_leg(SHARES, error("Panic(uint256)", 0x11)) == Failure(Reason.LACK, "ALLOWANCE_TOO_LOW")

    def test_calls_a_small_erc3643_balance_a_lack_of_securities(self) -> None:
        assert of_leg(SHARES, error("Error(string)", "Insufficient Balance")).code == Reason.LACK

    @pytest.mark.parametrize("name", ["ERC20InsufficientBalance", "ERC20InsufficientAllowance"])
    def test_calls_missing_cash_insufficient_money(self, name: str) -> None:
        failure = of_leg(CASH, error(f"{name}(address,uint256,uint256)", ALICE, 1, 2))
        assert failure.code == Reason.MONY

    def test_calls_a_frozen_wallet_a_blocked_account(self) -> None:
        assert of_leg(SHARES, error("Error(string)", "wallet is frozen")) == Failure(Reason.BLOC, "WALLET_FROZEN")

    def test_calls_a_paused_token_blocked_securities(self) -> None:
        assert of_leg(SHARES, error("Error(string)", "Pausable: paused")) == Failure(Reason.SBLO, "TOKEN_PAUSED")

    def test_calls_a_passed_deadline_late(self) -> None:
        assert read(error("Expired()")) == Failure(Reason.LATE, "DEADLINE_PASSED")

    def test_says_that_a_trade_ran_out_of_gas(self) -> None:
        assert read(b"") == Failure(Reason.OTHR, "OUT_OF_GAS")

    @pytest.mark.parametrize("cut", range(0, 100, 7))
    def test_survives_data_cut_anywhere(self, cut: int) -> None:
        data = error("TransferFailed(address,bytes)", SHARES, error("Error(string)", "wallet is frozen"))
        assert read(data[:cut]).code == Reason.OTHR

    def test_keeps_a_hostile_token_from_flooding_or_forging(self) -> None:
        failure = of_leg(SHARES, error("Error(string)", "x\n\x1b[2J" * 1_000))
        assert failure.code == Reason.OTHR
        assert len(failure.detail) <= 200
        assert failure.detail.isprintable()
