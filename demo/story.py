"""The steps: onboard, issue, refuse, trade, crash, settle, and prove the audit log."""

import json
import shutil
from decimal import Decimal
from typing import Any

from demo.api import Refused, reference, wait_until
from demo.chain import CASH_ISSUER, FAUCET, ISSUER_AGENT, Chain, Wallet
from demo.people import Cast, Investor, assemble
from demo.stack import Stack

ISIN = "DE000AUR0RA7"
CASH = "USDX"
UNLIMITED = 2**200
Facts = dict[str, Any]


class Story:
    """Holds what one step hands to the next."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.chain = Chain(stack.chain)
        self.cast: Cast
        self.contracts: dict[str, str]
        self.token = ""
        self.settled_before = 0

    def onboard(self) -> Facts:
        """Create everybody, prove wallets, approve two of three investors, see their claims final on chain."""
        self.cast = assemble(self.stack)
        self.contracts = self.cast.ops.get("/api/chain/contracts")
        for investor in self.cast.investors:
            investor.prove_wallet()
        for investor in (self.cast.alice, self.cast.bob):
            self.cast.officer.command(
                f"/api/compliance/investors/{investor.party_id}/kyc",
                status="APPROVED",
                accredited=True,
                reason="passport and tax statement seen",
            )
        self._give_gas()
        for investor in (self.cast.alice, self.cast.bob):
            wait_until(f"{investor.name}'s claim final", lambda i=investor: self._claim(i) == "FINAL")
        return {
            "said": "Alice and Bob approved, their identity claims final on chain; Mallory not",
            "evidence": [f"{i.name} {i.wallet.address} claim {self._claim(i)}" for i in self.cast.investors],
        }

    def _claim(self, investor: Investor) -> str:
        return str(investor.api.get("/api/compliance/profile")["claim_status"])

    def _give_gas(self) -> None:
        faucet = Wallet.development(FAUCET)
        for investor in self.cast.investors:
            self.chain.send(faucet, investor.wallet.address, ether=5)

    def create_security(self) -> Facts:
        """The issuer describes the security; its ERC-3643 token goes live."""
        agent = Wallet.development(ISSUER_AGENT)
        self.cast.maker.command(
            "/api/securities",
            isin=ISIN,
            name="Aurora Grid 2031",
            cfi="ESVUFR",
            exemption="REG_D_506C",
            quantity_decimals=0,
            authorized_quantity="10000",
            cash_asset=CASH,
            tick="0.01",
            lot="1",
            min_quantity="1",
            max_quantity="5000",
        )
        self.cast.maker.command("/api/issuance/tokens", isin=ISIN, agents=[agent.address])
        path = f"/api/issuance/tokens/{ISIN}"
        self.token = wait_until("token live", lambda: self._live(path))["address"]
        for investor in (self.cast.alice, self.cast.bob):
            wait_until(f"{investor.name} registered", lambda i=investor: self._registered(i))
        return {
            "said": f"{ISIN} is live as an ERC-3643 token, Alice and Bob registered as holders",
            "evidence": [f"token {self.token}"],
            "token": self.token,
        }

    def _live(self, path: str) -> Any:
        token = self.cast.maker.get(path)
        return token if token["state"] == "LIVE" else None

    def _registered(self, investor: Investor) -> bool:
        wallets = investor.api.get("/api/dex/wallets")["results"]
        return any(ISIN in wallet["registered_isins"] for wallet in wallets)

    def bring_cash(self) -> Facts:
        """The cash issuer pays Bob; Alice and Bob allow the settlement contract to move what they will trade."""
        cash, dvp = self.contracts["payment_token"], self.contracts["dvp"]
        bank = Wallet.development(CASH_ISSUER)
        minted = self.chain.send(bank, cash, "mint(address,uint256)", self.cast.bob.wallet.address, 50_000 * 10**6)
        approvals = [
            self.chain.broadcast(investor.wallet, token, "approve(address,uint256)", dvp, UNLIMITED)
            for investor, token in ((self.cast.alice, self.token), (self.cast.bob, cash))
        ]
        for sent in approvals:
            self.chain.mined(sent)
        wait_until("Bob's cash in the books", lambda: Decimal(self.cast.bob.holding(CASH)["settled"]) == 50_000)
        return {"said": "Bob has 50,000 USDX in the books", "evidence": [f"cash minted {minted}"], "tx": minted}

    def issue(self) -> Facts:
        """One person asks, the same person may not approve, a second does; minted, final, booked."""
        request = self.cast.maker.command(
            "/api/issuance",
            client_request_id=reference(),
            isin=ISIN,
            party_id=self.cast.alice.party_id,
            quantity="1000",
        )
        path = f"/api/issuance/{request['id']}"
        refused = must_refuse("maker_is_checker", lambda: self.cast.maker.command(f"{path}/approve"))
        self.cast.checker.command(f"{path}/approve")
        done = wait_until("issuance booked", lambda: self._in_status(path, "COMPLETED"))
        expect("Alice's position", self.cast.alice.holding(ISIN)["settled"], "1000")
        return {
            "said": "1,000 units issued to Alice; the maker's own approval was refused",
            "evidence": [f"minted {done['tx_hash']}", refused],
            "tx": done["tx_hash"],
        }

    def _in_status(self, path: str, status: str) -> Any:
        found = self.cast.maker.get(path)
        return found if found["status"] == status else None

    def refuse_ineligible(self) -> Facts:
        """Mallory, not approved, may not trade; the books do not move."""
        before = self._books()
        refused = must_refuse("transfer_restricted", lambda: self._order(self.cast.mallory, "BUY", "10.00", "5"))
        expect("the books", self._books(), before)
        return {"said": "Mallory refused, books unchanged", "evidence": [refused]}

    def refuse_overdraft(self) -> Facts:
        """Bob may not buy for more than he has, nor Alice sell what she does not hold."""
        before = self._books()
        refused = [
            must_refuse("insufficient_balance", lambda: self._order(self.cast.bob, "BUY", "20.00", "4000")),
            must_refuse("insufficient_balance", lambda: self._order(self.cast.alice, "SELL", "10.00", "1001")),
        ]
        expect("the books", self._books(), before)
        return {"said": "orders beyond cash and position refused, books unchanged", "evidence": refused}

    def _books(self) -> Any:
        positions = self.cast.ops.get("/api/ledger/positions", limit=500)["results"]
        book = self.cast.alice.api.get("/api/dex/orderbook", isin=ISIN)
        shown = [(p["asset"], p["wallet_address"], Decimal(p["settled"]), Decimal(p["held"])) for p in positions]
        return sorted(row for row in shown if any(row[2:])), book["bids"], book["asks"]

    def _order(self, investor: Investor, side: str, price: str, quantity: str) -> Any:
        return investor.api.post(
            "/api/dex/orders",
            client_order_id=reference(),
            isin=ISIN,
            side=side,
            order_type="LIMIT",
            price=price,
            quantity=quantity,
            time_in_force="GTC",
        )

    def trade(self) -> Facts:
        """Alice offers 500; Bob takes 200 at her price though he bid more. Settled on chain, then in the books."""
        self._order(self.cast.alice, "SELL", "10.00", "500")
        bought = self._order(self.cast.bob, "BUY", "10.50", "200")
        expect("Bob's order", (bought["status"], bought["filled_quantity"]), ("FILLED", "200"))
        self._wait_settled(1)
        expect("Bob's position", self.cast.bob.holding(ISIN)["settled"], "200")
        expect("Bob's cash", Decimal(self.cast.bob.holding(CASH)["settled"]), Decimal(48_000))
        expect("Alice's offer still held", self.cast.alice.holding(ISIN)["held"], "300")
        settled = self._instructions("SETT")[0]
        return {
            "said": "200 of 500 sold at 10.00, better than the 10.50 bid; both legs settled at once",
            "evidence": [f"settled {settled['tx_hash']}"],
            "tx": settled["tx_hash"],
        }

    def _instructions(self, status: str) -> list[Any]:
        return list(self.cast.ops.get("/api/settlement/instructions", isin=ISIN, status=status)["results"])

    def _wait_settled(self, count: int, seconds: float = 40) -> None:
        wait_until(f"{count} settled", lambda: len(self._instructions("SETT")) >= count, seconds)

    def crash(self) -> Facts:
        """kill -9 the engines while settlements are under way; afterwards each has settled exactly once."""
        for quantity in ("10", "20", "30", "40"):
            self._order(self.cast.bob, "BUY", "10.00", quantity)
        wait_until("a settlement under way", self._under_way)
        killed = self.stack.kill("engines")
        in_flight = len(self._instructions("PEND"))
        started = self.stack.wait_restarted("engines", killed)
        self._wait_settled(5)
        ids = [log["topics"][1] for log in self.chain.events(self.contracts["dvp"], SETTLED)]
        expect("settlements on chain, each once", (len(ids), len(set(ids))), (5, 5))
        expect("Bob's position", self.cast.bob.holding(ISIN)["settled"], "300")
        on_chain = self.chain.read(self.token, "balanceOf(address)", self.cast.bob.wallet.address)
        expect("Bob's tokens on chain", on_chain, 300)
        hashes = sorted({i["tx_hash"] for i in self._instructions("SETT")})
        return {
            "said": f"engines (pid {killed}) killed with {in_flight} settlements in flight; all settled exactly once",
            "evidence": [f"killed pid {killed}, restarted as pid {started}", *[f"settled {tx}" for tx in hashes]],
            "killed_pids": [killed],
            "restarted_pids": [started],
            "in_flight": in_flight,
            "tx": hashes,
        }

    def _under_way(self) -> bool:
        return any(instruction["attempts"] > 0 for instruction in self._instructions("PEND"))

    def reorganise(self) -> Facts:
        """The chain takes back the block of a settlement that is not final; it settles once, in another block."""
        settled = self._settled_on_chain()
        with self.chain.still():
            self._order(self.cast.bob, "BUY", "10.00", "25")
            wait_until("the settlement sent", self.chain.waiting)
            head = self.chain.mine(2)
            (first,) = self._settled_on_chain() - settled
            mined = self.chain.block_of(first)
            orphan = self.chain.hash_at(mined)
            wait_until("its block seen", lambda: self._head_seen() == self.chain.hash_at(head))
            before = self._books()
            self.chain.reorganise(2)
            expect("settlements on the new branch", self._settled_on_chain(), settled)
            wait_until("the new branch seen", lambda: self._head_seen() == self.chain.hash_at(head))
            expect("the books", self._books(), before)
        self._wait_settled(6)
        expect("Bob's position", self.cast.bob.holding(ISIN)["settled"], "325")
        (again,) = self._settled_on_chain() - settled
        number = self.chain.block_of(again)
        return {
            "said": "two blocks with a settlement taken back: books unchanged, then settled exactly once",
            "evidence": [
                f"settled {first}",
                f"in block {mined} {orphan}, orphaned",
                f"settled {again}",
                f"in block {number} {self.chain.hash_at(number)}",
            ],
            "tx": again,
        }

    def _settled_on_chain(self) -> set[str]:
        return {log["transactionHash"] for log in self.chain.events(self.contracts["dvp"], SETTLED)}

    def _head_seen(self) -> str:
        return str(self.cast.ops.get("/api/chain/status")["head"]["hash"])

    def prove_audit(self) -> Facts:
        """The audit log is exported and verified by the auditor's one file; a tampered copy is refused."""
        good, bad = self.stack.home / "audit-bundle", self.stack.home / "audit-bundle-tampered"
        for folder in (good, bad):
            shutil.rmtree(folder, ignore_errors=True)
        said = self.stack.run("manage.py", "export_audit", "--out", str(good)).stdout.strip()
        key = json.loads((good / "keys.json").read_bytes())["keys"][0]["public_key"]
        index = json.loads((good / "manifest.json").read_bytes())["to"] // 2
        verify = ("-I", "apps/audit/verifier.py")
        proven = self.stack.run(*verify, str(good), "--key", key)
        expect("the verifier's answer", proven.returncode, 0)
        self.stack.run("scripts/tamper_bundle.py", str(good), str(bad), "--kind", "edit", "--index", str(index))
        refused = self.stack.run(*verify, str(bad), "--key", key)
        expect("the answer to the copy", (refused.returncode, f"index {index} " in refused.stdout), (10, True))
        return {
            "said": f"{said}: verified; a copy refused",
            "evidence": [proven.stdout.strip(), refused.stdout.strip()],
        }


SETTLED = "TradeSettled(bytes32,address,address,address,uint256,address,uint256)"


def must_refuse(code: str, act: Any) -> str:
    """Do what must be refused; what the refusal said. Raises AssertionError if it was not refused so."""
    try:
        act()
    except Refused as refusal:
        if refusal.code == code and 400 <= refusal.status < 500:
            return str(refusal)
        raise
    raise AssertionError(f"this should have been refused: {code}")


def expect(what: str, found: Any, wanted: Any) -> None:
    """Raise AssertionError unless they are equal."""
    if found != wanted:
        raise AssertionError(f"{what}: expected {wanted}, found {found}")
