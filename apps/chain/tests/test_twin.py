"""The comparison of two runs sees every table and every difference, and nothing that is ours alone."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.apps import apps
from django.db import connections

from apps.chain.gateway import Node
from apps.chain.limits import Mode, Policy
from apps.chain.models import Block, RawLog
from apps.chain.testing import ChainPlatform
from apps.chain.testing.forks import forking
from apps.chain.testing.lies import Duplicated, Lie, RangeLimit, Reordered, Short, Without
from apps.chain.testing.local_chain import LocalChain
from apps.chain.testing.lying_node import LyingNode
from apps.chain.testing.tables import APART, BOOKS, CHAIN, STREAM, Table
from apps.chain.testing.twin import columns, differences, honest_rows, rows, twin_of
from apps.chain.tests.sending import send
from apps.chain.tests.stage import ALICE, BOB, catch_up, lead, watch
from apps.core.daemon import Leadership
from apps.core.devstack.anvil import private_node
from apps.core.devstack.layout import CHAIN_ID

Stage = tuple[LocalChain, str, Leadership]


class TestTables:
    def test_name_every_model_of_the_chain_room_once(self) -> None:
        named = Counter([table.label for table in CHAIN] + list(APART))
        assert named == Counter(model._meta.label for model in apps.get_app_config("chain").get_models())

    @pytest.mark.parametrize("table", [*CHAIN, *BOOKS], ids=lambda table: table.label)
    def test_name_columns_that_exist_and_compare_some(self, table: Table) -> None:
        fields = apps.get_model(table.label)._meta.concrete_fields
        known = {field.name for field in fields} | {field.attname for field in fields}
        assert {*table.key, *table.without, *table.clock} <= known
        assert columns(table)

    def test_compare_by_what_a_row_is_named_by_and_not_by_its_number(self) -> None:
        assert columns(Table("chain.RawLog"))[:2] == ["block__hash", "block_number"]
        assert "id" not in columns(Table("chain.Block", key=("hash",)))
        assert columns(Table("ledger.LedgerBalance"))[:3] == [
            "account__asset_id",
            "account__kind",
            "account__wallet_address",
        ]

    def test_leave_out_our_clock_and_keep_the_chains(self) -> None:
        assert "timestamp" in columns(Table("chain.Block"))
        assert "moved_at" not in columns(Table("chain.StreamCursor"))
        assert "moved_at" in columns(Table("chain.StreamCursor", clock=("moved_at",)))


@pytest.fixture(scope="class")
def stage(books: str) -> Iterator[Stage]:
    with private_node() as url:
        chain = LocalChain(url)
        token = chain.deploy_token()
        for number in range(1, 13):
            chain.mint(token, ALICE, number)
        chain.mine(70)
        watch(token, 1)
        yield chain, token, lead()
        chain.close()


RANGES, BY_RANGES = ("eth_getLogs",), Policy(mode=Mode.RANGES)  # receipts out of order are not the block's


def fed_by(chain: LocalChain, token: str) -> Callable[[], None]:
    """What an honest run does: watch the token, and follow the chain to its head."""

    def feed() -> None:
        watch(token, 1)
        catch_up(chain.node, lead())

    return feed


class TestTwin:
    @pytest.mark.parametrize(
        "lies",
        [
            (),
            (Duplicated(methods=RANGES), Reordered(seed=2, methods=RANGES)),
            (RangeLimit(blocks=3, words="reth"), Without("eth_getBlockReceipts")),
        ],
        ids=["none", "order", "refusals"],
    )
    def test_is_equal_whatever_was_told_on_the_way(self, stage: Stage, template: str, lies: tuple[Lie, ...]) -> None:
        chain, token, leadership = stage
        chain.mint(token, BOB, 5)
        with (
            LyingNode(chain.url) as liar,
            liar.lying(*lies),
            Node(liar.url, chain_id=CHAIN_ID, policy=BY_RANGES) as node,
        ):
            catch_up(node, leadership)
        ours = rows()
        assert differences(ours, honest_rows(template, fed_by(chain, token))) == {}
        assert [len(ours[label]) for label in ("chain.Block", "chain.StreamCursor")] == [chain.head(), 3]
        assert rows() == ours  # the database of the test is in force again

    def test_differs_where_something_is_missing_or_too_much(self, stage: Stage, template: str) -> None:
        chain, token, leadership = stage
        catch_up(chain.node, leadership)
        other = chain.deploy_token()
        chain.mint(other, BOB, 1)
        catch_up(chain.node, leadership)

        def feed() -> None:
            watch(other, 1)
            fed_by(chain, token)()

        found = differences(rows(), honest_rows(template, feed))
        assert set(found) == {
            "chain.WatchedContract",
            "chain.RawLog",
            "chain.HolderBalance",
            "chain.TokenSupply",
        }
        (row,) = [row for row in found["chain.RawLog"]["missing"] if dict(row)["effect"]]
        assert (dict(row)["recipient"], dict(row)["block__hash"]) == (BOB, chain.hash_at(chain.head()))
        assert found["chain.RawLog"]["surplus"] == []

    def test_of_canonical_rows_forgets_what_only_we_saw(self, stage: Stage, template: str) -> None:
        chain, token, leadership = stage
        with forking(chain) as fork:
            chain.mint(token, BOB, 999)
            catch_up(chain.node, leadership)
            fork.switch()
            chain.mint(token, ALICE, 1)
            chain.mine(2)
        catch_up(chain.node, leadership)
        feed = fed_by(chain, token)
        found = differences(rows(), honest_rows(template, feed))
        assert {label: len(each["surplus"]) for label, each in found.items()} == {
            "chain.Block": 1,
            "chain.RawLog": 1,
            "chain.Reorganisation": 1,
        }
        assert differences(rows(canonical=True), honest_rows(template, feed, canonical=True)) == {}

    def test_may_be_made_of_books_in_the_middle_of_their_life(self, stage: Stage) -> None:
        chain, token, leadership = stage
        catch_up(chain.node, leadership)
        before, blocks = rows(), Block.objects.count()
        with twin_of(connections["default"].settings_dict["NAME"]):
            assert rows() == before
            chain.mint(token, BOB, 3)
            catch_up(chain.node, lead())
            assert Block.objects.count() == blocks + 1
            honest = rows()
        assert (rows(), RawLog.objects.count()) == (before, len(before["chain.RawLog"]))
        with LyingNode(chain.url) as liar, ExitStack() as lies:
            lies.enter_context(liar.lying(Short(drop=1, where=lambda question: "address" in question.filters())))
            with Node(liar.url, chain_id=CHAIN_ID) as node:
                catch_up(node, leadership)
        assert differences(rows(), honest) == {}

    def test_compares_the_same_tables_only(self, books: str) -> None:
        with pytest.raises(ValueError, match="same tables"):
            differences(rows(STREAM), rows(CHAIN))


class TestBooks:
    def test_of_a_platform_have_the_same_rows_twice(self, chain_platform: ChainPlatform) -> None:
        """Deployment left rows in nearly every table; an intent of ours is the one difference, counted as it is."""
        before = rows((*CHAIN, *BOOKS))
        assert {label for label, found in before.items() if found} >= {table.label for table in CHAIN} - {
            "chain.TokenBinding",
            "chain.ChainIdentity",
            "chain.RegistryEntry",
            "chain.DeadLetter",
            "chain.RawLog",
            "chain.LateEffect",
            "chain.HolderBalance",
            "chain.TokenSupply",
            "chain.Reorganisation",
        }
        with twin_of(chain_platform.template):
            assert rows((*CHAIN, *BOOKS)) == before
        send(key="ours")
        honest = {label: before[label] for label in rows(CHAIN)}
        found = differences(rows(CHAIN), honest)
        assert {label: (len(each["missing"]), len(each["surplus"])) for label, each in found.items()} == {
            "chain.TxIntent": (0, 1),
            "chain.SignerUse": (0, 1),
            "chain.SignerNonce": (1, 1),
        }
