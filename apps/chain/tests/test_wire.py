"""A log that is not what a log looks like is an incomplete answer: what it says goes into COPY as it stands."""

import json
from typing import Any

import msgspec
import pytest

from apps.chain.errors import IncompleteAnswer
from apps.chain.wire import LOGS, WireLog, decode, log_of

H = "0x" + "a1" * 32
GOOD = {
    "blockNumber": "0x5",
    "blockHash": H,
    "logIndex": "0x0",
    "transactionHash": H,
    "transactionIndex": "0x1",
    "address": "0x" + "B2" * 20,
    "topics": [H, H],
    "data": "0x00FF",
}


def read_log(served: dict[str, Any]) -> WireLog:
    (log,) = decode(LOGS, msgspec.Raw(json.dumps([served]).encode()), what="logs")
    return log_of(log)


class TestALog:
    def test_is_read_in_lower_case(self) -> None:
        log = read_log(GOOD)
        assert (log.address, log.topics, log.data) == ("0x" + "b2" * 20, (H, H), "0x00ff")
        assert read_log(GOOD | {"topics": [], "data": "0x"}).topics == ()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"data": "0x0"},
            {"data": "00"},
            {"data": "0x00\t1"},
            {"data": "0x00\n"},
            {"data": "0x\\N"},
            {"data": "0x0 0"},
            {"data": None},
            {"address": "0x" + "b2" * 19},
            {"address": "0x" + "b2" * 20 + "\t"},
            {"topics": [H] * 5},
            {"topics": [H[:-1]]},
            {"topics": [H + "|" + H]},
            {"topics": H},
            {"transactionHash": None},
            {"blockHash": "0x"},
            {"blockNumber": None},
            {"removed": True},
        ],
    )
    def test_of_another_form_is_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(IncompleteAnswer):
            read_log(GOOD | wrong)
