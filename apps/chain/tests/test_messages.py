"""Who signed a text: what eth_account says, of either half of the curve, and nobody for noise."""

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.chain.selectors.messages import signer_of_text
from apps.core.secp256k1 import ORDER

KEYS = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))


def signed(secret: bytes, text: str) -> bytes:
    return bytes(Account.from_key(secret).sign_message(encode_defunct(text=text)).signature)


def twin(signature: bytes) -> bytes:
    """The other signature of the same key: s from the upper half."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([signature[64] ^ 27 ^ 28])


class TestWhoSignedAText:
    @given(secret=KEYS, text=st.text(max_size=300))
    @settings(max_examples=15, deadline=None)
    def test_is_whom_eth_account_names_however_it_is_written(self, secret: bytes, text: str) -> None:
        signature = signed(secret, text)
        wanted = Account.recover_message(encode_defunct(text=text), signature=signature).lower()
        plain = signature[:64] + bytes([signature[64] - 27])
        assert {signer_of_text(text, each) for each in (signature, plain, twin(signature))} == {wanted}

    @pytest.mark.parametrize(
        "noise",
        [
            b"",
            b"\xff" * 65,
            b"\x00" * 64 + b"\x1b",
            b"\x01" * 64,
            b"\x01" * 66,
            b"\x01" * 64 + b"\x1d",
            b"\x01" * 32 + ORDER.to_bytes(32, "big") + b"\x1b",
            b"\x01" * 32 + b"\x00" * 32 + b"\x1b",
        ],
    )
    def test_is_nobody_for_noise(self, noise: bytes) -> None:
        with pytest.raises(ValueError, match=r"signature|recover"):
            signer_of_text("text", noise)

    def test_is_another_for_another_text(self) -> None:
        signature = signed(b"\x01" * 32, "text")
        assert signer_of_text("text ", signature) != signer_of_text("text", signature)
