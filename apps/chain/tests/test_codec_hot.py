"""The hot path says what the general one says, in the database's words."""

from eth_abi import encode
from hypothesis import example, given
from hypothesis import strategies as st

from apps.chain.codec import LAYOUTS, TRANSFER, hot
from apps.chain.models import RawLog
from apps.core.db.copy import encode as copied

addresses = st.binary(min_size=20, max_size=20)
amounts = st.integers(min_value=0, max_value=2**256 - 1)


def log(sender: bytes, recipient: bytes, amount: int) -> tuple[list[str], str]:
    topics = [TRANSFER, *("0x" + encode(["address"], [each]).hex() for each in (sender, recipient))]
    return topics, "0x" + encode(["uint256"], [amount]).hex()


class TestHotPath:
    @given(addresses, addresses, amounts)
    @example(bytes(20), b"\xff" * 20, 2**256 - 1)
    def test_reads_a_transfer_as_its_layout_does(self, sender: bytes, recipient: bytes, amount: int) -> None:
        topics, data = log(sender, recipient, amount)
        assert hot.decode_transfer(topics, data) == LAYOUTS[TRANSFER, 3].read(topics, data)

    @given(addresses, addresses, amounts)
    @example(bytes(20), b"\xff" * 20, 2**256 - 1)
    def test_writes_the_columns_as_copy_does(self, sender: bytes, recipient: bytes, amount: int) -> None:
        topics, data = log(sender, recipient, amount)
        joined = b"".join(bytes.fromhex(topic[2:]) for topic in topics)
        values = (joined, bytes.fromhex(data[2:]), sender, recipient, amount)
        assert hot.transfer_columns(topics, data) == "\t".join(map(copied, values))

    def test_names_columns_of_the_raw_log(self) -> None:
        assert set(hot.COLUMNS) <= {field.column for field in RawLog._meta.concrete_fields}
