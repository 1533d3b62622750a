"""A security with very many holders, in the books and in the fold of its logs alike, written by SQL; and what is wrong.

The rows are those ingester, fold and projection would have left: a minting log, its posting and a balance on each side
for every holder. The token's own totals are on a node, so that a run has whom to ask.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.holders_world import SUPPLY, holders_world

ISIN, CASH, DECIMALS = "US0378331005", "USDX", 6
CASH_TOKEN = "0x" + "ca" * 20
SAYS_SIX = "0x60065f5260205ff3"  # code that answers whatever it is asked with 6: its decimals
UNITS = 1_000
KINDS = 4
# wallet n is 0x, 8 zeros and the 32 hex digits of md5(n)
WALLET = "'0x00000000' || md5({n}::text)"
BYTES = "decode('00000000' || md5({n}::text), 'hex')"
TX = "decode(md5({n}::text) || md5(({n} + 1)::text), 'hex')"

LEDGER = f"""
    INSERT INTO ledger_asset (code, decimals) VALUES ('{ISIN}', 0), ('{CASH}', {DECIMALS});
    INSERT INTO ledger_account (id, asset, kind, wallet_address, party_id)
    SELECT md5('account' || n)::uuid, '{ISIN}', 'POSITION', {WALLET.format(n="n")}, %(party)s
    FROM generate_series(1, %(holders)s) n;
    INSERT INTO ledger_account (id, asset, kind) VALUES (md5('issuance')::uuid, '{ISIN}', 'ISSUANCE');
    INSERT INTO ledger_balance (account_id, posted, control)
    SELECT id, CASE WHEN control THEN -{UNITS} * %(holders)s::numeric ELSE {UNITS} END, control FROM ledger_account;
    INSERT INTO ledger_transfer
        (debit_account_id, credit_account_id, amount, state, kind, idem_key, source_ref, effective_at)
    SELECT md5('issuance')::uuid, md5('account' || n)::uuid, {UNITS}, 'POSTED', 'ISSUE',
           'log:' || %(hash)s || ':' || n, 'issuance:' || n, %(at)s
    FROM generate_series(1, %(holders)s) n;
"""
CHAIN = f"""
    INSERT INTO chain_rawlog
        (block_id, block_number, log_index, tx_index, tx_hash, address, topics, data, effect, sender, recipient, amount)
    SELECT %(block)s, %(number)s, n, 0, {TX.format(n="n")}, %(token)s,
           %(transfer)s || decode(repeat('00', 32), 'hex') || decode(repeat('00', 12), 'hex') || {BYTES.format(n="n")},
           decode(lpad(to_hex({UNITS}), 64, '0'), 'hex'), 'M', decode(repeat('00', 20), 'hex'), {BYTES.format(n="n")},
           {UNITS}
    FROM generate_series(1, %(holders)s) n;
    INSERT INTO chain_holderbalance (token, wallet, head, final, frozen_head, frozen_final)
    SELECT %(token)s, {BYTES.format(n="n")}, {UNITS}, {UNITS}, 0, 0 FROM generate_series(1, %(holders)s) n;
    INSERT INTO chain_tokensupply (token, head, final)
    VALUES (%(token)s, {UNITS} * %(holders)s::numeric, {UNITS} * %(holders)s::numeric);
"""
STANDING = f"""
    INSERT INTO settlement_projectioncursor (name, number, hash, moved_at)
    VALUES ('settlement', %(number)s, %(hash)s, now())
        ON CONFLICT (name) DO UPDATE SET number = EXCLUDED.number, hash = EXCLUDED.hash;
    INSERT INTO chain_streamcursor (name, number, hash, first_number, halted, moved_at)
    SELECT name, %(number)s, %(hash)s, 0, '', now() FROM unnest(ARRAY['blocks', 'head', 'final']) name
        ON CONFLICT (name) DO UPDATE SET number = EXCLUDED.number, hash = EXCLUDED.hash;
    INSERT INTO issuance_issuancecontrol (isin, authorized, issued, reserved)
    VALUES ('{ISIN}', 10::numeric ^ 15, {UNITS} * %(holders)s::numeric, 0) ON CONFLICT (isin) DO NOTHING;
"""
# 1. A balance row changed past the ledger. 2. A transfer on the chain that nobody here ordered. 3. A posting made
# twice. 4. A posting that no log shows.
PLANT = f"""
    UPDATE ledger_balance SET posted = posted + 1 WHERE account_id IN (
        SELECT md5('account' || n)::uuid FROM generate_series(1, %(each)s) n);
    INSERT INTO chain_rawlog
        (block_id, block_number, log_index, tx_index, tx_hash, address, topics, data, effect, sender, recipient, amount)
    SELECT %(block)s, %(number)s, 100000000 + n, 0, {TX.format(n="(-n)")}, %(token)s,
           %(transfer)s || decode(repeat('00', 12), 'hex') || {BYTES.format(n="(1000 + n)")}
               || decode(repeat('00', 12), 'hex') || {BYTES.format(n="(2000 + n)")},
           decode(lpad(to_hex(7), 64, '0'), 'hex'), 'M', {BYTES.format(n="(1000 + n)")},
           {BYTES.format(n="(2000 + n)")}, 7
    FROM generate_series(1, %(each)s) n;
    UPDATE chain_holderbalance SET head = head - 7, final = final - 7 WHERE token = %(token)s AND wallet IN (
        SELECT {BYTES.format(n="(1000 + n)")} FROM generate_series(1, %(each)s) n);
    UPDATE chain_holderbalance SET head = head + 7, final = final + 7 WHERE token = %(token)s AND wallet IN (
        SELECT {BYTES.format(n="(2000 + n)")} FROM generate_series(1, %(each)s) n);
    INSERT INTO ledger_transfer
        (debit_account_id, credit_account_id, amount, state, kind, idem_key, source_ref, effective_at)
    SELECT md5('issuance')::uuid, md5('account' || (3000 + n))::uuid, {UNITS}, 'POSTED', 'ISSUE',
           'log:' || %(hash)s || ':' || (3000 + n) || ':again', 'issuance:' || (3000 + n), %(at)s
    FROM generate_series(1, %(each)s) n;
    INSERT INTO ledger_transfer
        (debit_account_id, credit_account_id, amount, state, kind, idem_key, source_ref, effective_at)
    SELECT md5('issuance')::uuid, md5('account' || (4000 + n))::uuid, 3, 'POSTED', 'ISSUE',
           'manual:' || n, 'manual:' || n, %(at)s
    FROM generate_series(1, %(each)s) n;
    UPDATE ledger_balance SET posted = posted + {UNITS} WHERE account_id IN (
        SELECT md5('account' || (3000 + n))::uuid FROM generate_series(1, %(each)s) n);
    UPDATE ledger_balance SET posted = posted + 3 WHERE account_id IN (
        SELECT md5('account' || (4000 + n))::uuid FROM generate_series(1, %(each)s) n);
    UPDATE ledger_balance SET posted = posted - ({UNITS} + 3) * %(each)s WHERE account_id = md5('issuance')::uuid;
"""
# Units go from one holder to the next, in a later block, on both sides.
MOVE = f"""
    INSERT INTO chain_rawlog
        (block_id, block_number, log_index, tx_index, tx_hash, address, topics, data, effect, sender, recipient, amount)
    SELECT %(block)s, %(number)s, n, 0, {TX.format(n="(n + 50000000)")}, %(token)s,
           %(transfer)s || decode(repeat('00', 12), 'hex') || {BYTES.format(n="(10000 + 2 * n)")}
               || decode(repeat('00', 12), 'hex') || {BYTES.format(n="(10001 + 2 * n)")},
           decode(lpad(to_hex(1), 64, '0'), 'hex'), 'M', {BYTES.format(n="(10000 + 2 * n)")},
           {BYTES.format(n="(10001 + 2 * n)")}, 1
    FROM generate_series(1, %(moves)s) n;
    INSERT INTO ledger_transfer
        (debit_account_id, credit_account_id, amount, state, kind, idem_key, source_ref, effective_at)
    SELECT md5('account' || (10000 + 2 * n))::uuid, md5('account' || (10001 + 2 * n))::uuid, 1, 'POSTED', 'CORRECTION',
           'log:' || %(hash)s || ':' || n, 'move:' || n, %(at)s
    FROM generate_series(1, %(moves)s) n;
    UPDATE ledger_balance b SET posted = posted + delta
    FROM (SELECT md5('account' || (10000 + n))::uuid AS id, CASE WHEN n %% 2 = 0 THEN -1 ELSE 1 END AS delta
          FROM generate_series(2, 2 * %(moves)s + 1) n) moved WHERE b.account_id = moved.id;
    UPDATE chain_holderbalance h SET head = head + delta, final = final + delta
    FROM (SELECT {BYTES.format(n="(10000 + n)")} AS wallet, CASE WHEN n %% 2 = 0 THEN -1 ELSE 1 END AS delta
          FROM generate_series(2, 2 * %(moves)s + 1) n) moved WHERE h.token = %(token)s AND h.wallet = moved.wallet;
"""


@dataclass
class Positions:
    """The node's URL, the token, and how many hold it."""

    url: str
    token: str
    holders: int
    params: dict[str, Any] = field(default_factory=dict)

    def write(self) -> None:
        """All rows, as of the node's newest block."""
        from apps.accounts.tests.factories import make_party
        from apps.chain.selectors.topics import TRANSFER
        from apps.securities.tests.factories import make_security

        make_security(isin=ISIN)
        self.params = {
            "party": make_party().pk,
            "holders": self.holders,
            "token": bytes.fromhex(self.token[2:]),
            "transfer": bytes.fromhex(TRANSFER[2:]),
        }
        self._know_token()
        self._stand_at_head()
        self._run(LEDGER, CHAIN, STANDING)
        self._run("ANALYZE", alone=True)

    def plant(self, breaks: int) -> None:
        """So many differences, of four kinds alike."""
        self._run(PLANT, each=breaks // KINDS)

    def move(self, moves: int) -> None:
        """Units of so many holders to as many others, in a block of its own."""
        from contracts.tests.node import Chain

        Chain(self.url).rpc("evm_mine")
        self._stand_at_head()
        self._run(MOVE, STANDING, moves=moves)

    def _stand_at_head(self) -> None:
        from apps.chain.models import Block
        from contracts.tests.node import Chain

        head = Chain(self.url).rpc("eth_getBlockByNumber", "latest", False)
        at = datetime.fromtimestamp(int(head["timestamp"], 16), UTC)
        block = Block.objects.create(
            number=int(head["number"], 16),
            hash=head["hash"],
            parent_hash=head["parentHash"],
            timestamp=at,
            state_root=head["stateRoot"],
            receipts_root=head["receiptsRoot"],
            logs_bloom=b"",
            finality="FINAL",
            final_by="TAG",
        )
        self.params |= {"block": block.pk, "number": block.number, "hash": block.hash, "at": at}

    def _know_token(self) -> None:
        from apps.chain.models import TokenBinding, WatchedContract
        from apps.core import clock
        from apps.settlement.models import ProjectedContract

        now = clock.now()
        TokenBinding.objects.create(
            isin=ISIN,
            name="Bench",
            symbol="BENCH",
            decimals=0,
            state="LIVE",
            address=self.token,
            identity_registry=self.token,
            deploy_block=0,
            created_at=now,
            live_at=now,
        )
        for address, asset, kind in ((self.token, ISIN, "SECURITY"), (CASH_TOKEN, CASH, "CASH")):
            WatchedContract.objects.create(
                address=address, kind=kind, from_block=0, covered_to=0, covered=True, created_at=now
            )
            ProjectedContract.objects.create(address=address, asset=asset, kind=kind, listed_at_block=0, listed_at=now)

    def _run(self, *statements: str, alone: bool = False, **params: object) -> None:
        from django.db import connections, transaction

        with connections["owner"].cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            if alone:
                cursor.execute(statements[0])
                return
            with transaction.atomic("owner"):
                for statement in statements:
                    cursor.execute(statement, self.params | params)


@contextmanager
def positions_world(holders: int) -> Iterator[Positions]:
    """The node with the token, whose supply is what so many hold."""
    from contracts.tests.node import Chain

    with holders_world(1) as world:
        chain = Chain(world.url)
        chain.rpc("anvil_setStorageAt", world.token, f"0x{SUPPLY:064x}", f"0x{UNITS * holders:064x}")
        chain.rpc("anvil_setCode", CASH_TOKEN, SAYS_SIX)
        chain.rpc("evm_mine")
        yield Positions(world.url, world.token, holders)


def expected(breaks: int) -> Sequence[tuple[str, int]]:
    """How many of which kind plant() made."""
    each = breaks // KINDS
    return sorted(
        [("AMOUNT", each), ("UNAUTHORISED_ACTION", each), ("DUPLICATE_POSTING", each), ("MISSING_ON_CHAIN", each)]
    )
