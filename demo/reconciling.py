"""The steps about books and chain: they agree, three faults are planted, each is found, mended, and the rest proven."""

from collections.abc import Callable
from decimal import Decimal
from subprocess import CompletedProcess
from typing import Any

from demo.api import Api, Refused, wait_until
from demo.rogue import Rogue
from demo.story import ISIN, Facts, Story, expect, must_refuse

FORCED, FROZEN, FORGED = 50, 100, 1000
FAULTS = ["AMOUNT", "FROZEN_STATE", "UNAUTHORISED_ACTION"]
VERIFIER = ("-I", "apps/reconciliation/verifier.py")
REFUSED = 3


class Reconciling:
    """Told after the story: it needs its people, its token and its trades."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._rogue: Rogue
        # Proofs rest on where the token keeps its balances: an operator has that verified once, meanwhile.
        self._layout: Callable[[], CompletedProcess[str]]
        self._planted: dict[str, str] = {}
        self._found: dict[str, Any] = {}

    def agree(self) -> Facts:
        """Books, events and chain storage agree at one block."""
        self._layout = self._story.stack.begin("manage.py", "chain_token", "layout", ISIN)
        run = self._run()
        expect("reconciliation", (run["status"], run["breaks"]), ("CLEAN", []))
        return {"said": _agreeing(run), "evidence": [_block(run)]}

    def plant(self) -> Facts:
        """An agent's stolen key moves Alice's units and freezes Bob's; an SQL statement gives Bob what he never had."""
        story, (alice, bob) = self._story, self._wallets
        self._rogue = Rogue(story.chain, story.token, story.stack.database_owner)
        forced = self._rogue.force_transfer(alice, bob, FORCED)
        frozen = self._rogue.freeze(bob, FROZEN)
        self._rogue.change_balance(ISIN, bob, FORGED)
        self._planted = {"UNAUTHORISED_ACTION": forced, "FROZEN_STATE": frozen}
        expect("Bob's position, as he is shown it", Decimal(story.cast.bob.holding(ISIN)["settled"]), 325 + FORGED)
        return {
            "said": f"{FORCED} units forced from Alice to Bob, {FROZEN} of his frozen, {FORGED:,} given to him by SQL",
            "evidence": [
                f"by a stolen agent's key: forcedTransfer, {FORCED} units, Alice to Bob {forced}",
                f"by the same: freezePartialTokens, {FROZEN} units, Bob {frozen}",
                f"by the database's owner: UPDATE ledger_balance SET posted = posted + {FORGED}, Bob's row",
            ],
            "tx": [forced, frozen],
        }

    def find(self) -> Facts:
        """One run finds all three, each once, and names it."""
        run = self._run_after(*self._planted.values())
        self._found = {each["kind"]: each for each in run["breaks"]}
        expect("the breaks", (run["status"], sorted(each["kind"] for each in run["breaks"])), ("BREAKS", FAULTS))
        for kind, transaction in self._planted.items():
            expect(f"the transaction of {kind}", self._found[kind]["tx_hash"], transaction)
        expect("books and chain of the forged row", _sides(self._found["AMOUNT"]), (325 + FORGED, 325 + FORCED))
        return {
            "said": f"each found, once, by name: {', '.join(FAULTS)}",
            "evidence": [self._sentence(each) for each in run["breaks"]],
            "breaks": run["breaks"],
        }

    def resolve(self) -> Facts:
        """One officer proposes the entry that mends the books, may not approve it himself; another officer does."""
        cast = self._story.cast
        path = f"/api/reconciliation/breaks/{self._found['UNAUTHORISED_ACTION']['id']}"
        why = "the issuer shows the court order behind it: the transfer stands"
        proposed = cast.ops.command(f"{path}/resolutions", kind="POST", reason=why)
        approve = f"/api/reconciliation/resolutions/{proposed['id']}/approve"
        refused = must_refuse("maker_is_checker", lambda: cast.ops.command(approve))
        done = cast.officer.command(approve)
        posted = self._entry(path, done)
        run = self._run()
        left = sorted(each["kind"] for each in run["breaks"])
        expect("the breaks that are left", (run["status"], left), ("BREAKS", ["AMOUNT", "FROZEN_STATE"]))
        return {
            "said": "gone: booked by an entry that two officers decided on; the other two breaks are still there",
            "evidence": [
                f"the proposer's own approval: {refused}",
                f"another officer's: {posted}",
                *(f"still there: {self._sentence(each)}" for each in run["breaks"]),
            ],
            "breaks": run["breaks"],
        }

    def _entry(self, path: str, done: Any) -> str:
        """The ledger transfer that the resolution posted, as the break's own page shows it."""
        detail = self._story.cast.officer.get(path)
        expect("the break", detail["state"], "RESOLVED")
        (entry,) = [each for each in detail["evidence"]["entries"] if each["id"] == done["transfer_id"]]
        expect("what it cites", entry["source_ref"], f"resolution:{done['id']}")
        expect("its amount", Decimal(entry["amount"]), FORCED)
        said = f"{entry['kind']} of {entry['amount']} from {entry['debit']} to {entry['credit']}"
        return self._named(f"ledger transfer {entry['id']}: {said}, cites {entry['source_ref']}")

    def mend(self) -> Facts:
        """What no entry mends is undone where it lies; what an agent did stays named until two officers accept it."""
        officer, bob = self._story.cast.officer, self._wallets[1]
        proposal = f"/api/reconciliation/breaks/{self._found['AMOUNT']['id']}/resolutions"
        why = "let it stand"
        refused = must_refuse("break_without_remedy", lambda: officer.command(proposal, kind="POST", reason=why))
        freed = self._rogue.unfreeze(bob, FROZEN)
        self._rogue.change_balance(ISIN, bob, -FORGED)
        acts = self._run_after(freed)["breaks"]
        undone = {("UNAUTHORISED_ACTION", tx) for tx in (self._planted["FROZEN_STATE"], freed)}
        expect("the breaks that are left", {(each["kind"], each["tx_hash"]) for each in acts}, undone)
        for each in acts:
            self._accept(each)
        return self._mended(refused, [self._sentence(each) for each in acts]) | {"tx": freed}

    def _accept(self, found: Any) -> None:
        """One officer proposes that what was done, and undone, needs no entry; another approves."""
        path, why = f"/api/reconciliation/breaks/{found['id']}/resolutions", "undone: nothing is frozen any more"
        proposed = self._story.cast.ops.command(path, kind="ACCEPT", reason=why)
        self._story.cast.officer.command(f"/api/reconciliation/resolutions/{proposed['id']}/approve")

    def _mended(self, refused: str, acts: list[str]) -> Facts:
        """That everything agrees again, and what became of the three breaks."""
        _succeeded(self._layout())
        run = self._run()
        expect("reconciliation", (run["status"], run["breaks"]), ("CLEAN", []))
        states = {kind: self._state(each) for kind, each in sorted(self._found.items())}
        closed = {"AMOUNT": "CLEARED", "FROZEN_STATE": "CLEARED", "UNAUTHORISED_ACTION": "RESOLVED"}
        expect("the breaks", states, closed)
        return {
            "said": "row put back, units freed, both acts accepted by two officers: books and chain agree",
            "evidence": [
                f"an entry to mend the forged row: {refused}",
                *(f"accepted by two officers: {act}" for act in acts),
                f"the breaks: {', '.join(f'{kind} {state}' for kind, state in states.items())}",
                _block(run),
            ],
        }

    def _state(self, found: Any) -> str:
        return str(self._story.cast.officer.get(f"/api/reconciliation/breaks/{found['id']}")["state"])

    def prove(self) -> Facts:
        """A run by storage proofs is attested; Alice checks the proof of her position offline; a changed one fails."""
        alice, bob = self._story.cast.alice, self._story.cast.bob
        run = self._run(depth="PROVEN")
        expect("the run by proofs", run["status"], "CLEAN")
        attested = alice.api.get(f"/api/reconciliation/attestations/{run['id']}")
        path, hers = f"/api/reconciliation/positions/{ISIN}/proof", {"wallet_address": alice.wallet.address}
        proof = alice.api.download(path)
        refused = must_refuse("unknown_position", lambda: bob.api.download(path, **hers))
        expect("Alice's position", alice.holding(ISIN)["settled"], "625")
        checked = self._checked(proof, run["cut_off"]["block_number"])
        root = attested["positions_root"]
        return {
            "said": "Alice's 625 units proven to her offline, up to the block's hash; one byte changed: refused",
            "evidence": [
                f"attested: {attested['positions']} positions of {attested['units']} in all, their tree's root {root}",
                *map(self._named, checked),
                f"Bob asks for Alice's: {refused}",
            ],
        }

    def _checked(self, proof: bytes, block: int) -> list[str]:
        """What the verifier, a program of its own, says to the proof and to a copy with one byte changed."""
        # The hash from a node, the key from the audit log: nothing that the proof says of itself is believed.
        asked = ("--block-hash", self._story.chain.hash_at(block), "--key", self._signer())
        proven = self._verify("position-proof.json", proof, *asked)
        expect("the verifier's answer", proven.returncode, 0)
        changed = proof.replace(b'"units":"625"', b'"units":"925"')
        expect("bytes changed", sum(a != b for a, b in zip(proof, changed, strict=True)), 1)
        denied = self._verify("position-proof-changed.json", changed, *asked)
        expect("the answer to the copy", denied.returncode, REFUSED)
        return [*proven.stdout.strip().splitlines(), f"925 instead of 625 in the file: {denied.stderr.strip()}"]

    def _signer(self) -> str:
        """The public key of whoever signs, as the audit log's heads name it."""
        heads = self._story.cast.officer.get("/api/compliance/audit-logs/heads", limit=1)["results"]
        return str(heads[0]["public_key"])

    def _verify(self, name: str, proof: bytes, *options: str) -> Any:
        file = self._story.stack.home / name
        file.write_bytes(proof)
        return self._story.stack.run(*VERIFIER, str(file), *options)

    @property
    def _wallets(self) -> tuple[str, str]:
        return self._story.cast.alice.wallet.address, self._story.cast.bob.wallet.address

    def _sentence(self, found: Any) -> str:
        return self._named(f"{found['kind']}: {found['message']}")

    def _named(self, text: str) -> str:
        """The same with people's names for their wallets."""
        for investor in self._story.cast.investors:
            text = text.replace(investor.wallet.address, investor.name)
        return text

    def _run_after(self, *transactions: str) -> Any:
        """A run at a block by which these are final and in the books."""
        block = max(map(self._story.chain.block_of, transactions))
        wait_until(f"block {block} final", lambda: self._final() >= block)
        return wait_until(f"block {block} in the books", lambda: self._run_at(block))

    def _final(self) -> int:
        return int(self._story.cast.ops.get("/api/chain/status")["final"]["number"])

    def _run_at(self, block: int) -> Any:
        run = self._run()
        return run if run["cut_off"]["block_number"] >= block else None

    def _run(self, depth: str = "FULL") -> Any:
        """A run of every wallet; where the schedule's own is under way, the next one."""
        return wait_until("a run", lambda: _begun(self._story.cast.ops, depth))


def _begun(ops: Api, depth: str) -> Any:
    try:
        return ops.post("/api/reconciliation/runs", isin=ISIN, depth=depth)
    except Refused as refusal:
        if refusal.code != "run_under_way":
            raise
        return None


def _succeeded(done: CompletedProcess[str]) -> None:
    if done.returncode:
        raise RuntimeError(f"{done.args[1:3]}: {done.stderr.strip().splitlines()[-1:]}")


def _agreeing(run: Any) -> str:
    return f"ledger, events and chain storage agree at block {run['cut_off']['block_number']}"


def _block(run: Any) -> str:
    return f"block {run['cut_off']['block_number']} {run['cut_off']['block_hash']}"


def _sides(found: Any) -> tuple[int, int]:
    return int(found["expected"]), int(found["actual"])
