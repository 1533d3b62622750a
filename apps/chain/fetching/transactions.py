"""Which transactions a block holds: the one thing of a log that its receipts do not prove.

Their hashes come as a list beside the header. A node could swap two of them, and a log of one transaction would pass
for the other's. The signed bytes of all of them prove the list, where it matters and the node serves them.
"""

import msgspec

from apps.chain import refusals
from apps.chain.errors import IncompleteAnswer, RpcError
from apps.chain.fetching.endpoint import Call, Endpoint
from apps.chain.fetching.headers import complete_headers
from apps.chain.proofs.transactions import transaction_hash, transactions_root
from apps.chain.refusals import Refusal
from apps.chain.wire import Header, decode, raw_bytes

RAW = msgspec.json.Decoder(str)


def prove_transactions(node: Endpoint, header: Header) -> bool:
    """Whether the header's list of transactions is proved by its root; False where the node cannot serve their bytes.

    Raises IncompleteAnswer where the bytes contradict the list or the root, ChainUnavailable, RpcError.
    """
    if not node.limits.raw_transactions:
        return False
    (known,) = complete_headers(node, [header])
    calls: list[Call] = [("eth_getRawTransactionByHash", (each,)) for each in known.transactions or ()]
    raws = []
    for answer in node.ask(calls) if calls else []:
        if not isinstance(answer, RpcError):
            raws.append(_raw(answer, header.number))
        elif refusals.read(answer) is Refusal.METHOD:
            node.limits.raw_transactions = False
            return False
        else:
            raise answer
    named = tuple([transaction_hash(raw) for raw in raws])
    if named != known.transactions or transactions_root(raws) != known.transactions_root:
        raise IncompleteAnswer(what="transactions against their root", number=header.number)
    return True


def _raw(answer: msgspec.Raw, number: int) -> bytes:
    try:
        return raw_bytes(decode(RAW, answer, what="raw transaction", number=number))
    except ValueError:
        raise IncompleteAnswer(what="raw transaction", number=number) from None
