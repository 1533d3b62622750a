"""The verifier, run as its readers run it: one file, `python -I`, in an environment that has only cryptography."""

import base64
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.audit.tests.bundles import LOG, SALT, Log, concurrent, invent, jcs, leaf, new_key, public

ROOT = Path(__file__).resolve().parents[3]
VERIFIER, TAMPER = ROOT / "apps" / "audit" / "verifier.py", ROOT / "scripts" / "tamper_bundle.py"
PAST_ALL = timedelta(days=4_000)
KEY = new_key()
CODES = {
    "edit": 10,
    "delete": 11,
    "insert": 12,
    "reorder": 13,
    "backdate": 14,
    "truncate": 15,
    "fork": 16,
    "key": 17,
    "disclosure": 18,
    "journal": 19,
}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that sees cryptography (and what it is built on), and nothing else of ours."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False)
    packages = next(home.glob("lib/python*/site-packages"))
    for name in ("cryptography", "cffi", "pycparser"):
        source = Path(sysconfig.get_paths()["platlib"]) / name
        if source.exists():
            (packages / name).symlink_to(source)
    for source in Path(sysconfig.get_paths()["platlib"]).glob("_cffi_backend*"):
        (packages / source.name).symlink_to(source)
    return home / "bin" / "python"


@pytest.fixture(scope="module")
def log() -> Log:
    return invent(200)


@pytest.fixture(scope="module")
def good(log: Log, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return log.write(tmp_path_factory.mktemp("bundles") / "good", KEY)


@pytest.fixture(scope="module")
def check(python: Path) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run the verifier: exit code and what it says. It never shows a traceback."""

    def run(bundle: Path, *more: str, key: str = public(KEY)) -> tuple[int, dict[str, Any]]:
        # One process starts faster than two; TestGoodBundle has the usual way.
        argv = [str(python), "-I", str(VERIFIER), str(bundle), "--key", key, "--json", "--processes", "1", *more]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
        assert "Traceback" not in done.stderr + done.stdout
        return done.returncode, json.loads(done.stdout) if done.stdout else {"said": done.stderr}

    return run


def tampered(good: Path, target: Path, kind: str, skill: str, index: int = 70, to: int | None = None) -> Path:
    argv = [sys.executable, str(TAMPER), str(good), str(target), "--kind", kind, "--skill", skill]
    argv += ["--index", str(index), *([] if to is None else ["--to", str(to)])]
    subprocess.run(argv, check=True, timeout=60)
    return target


class TestGoodBundle:
    def test_is_proven_as_of_its_head(self, check: Any, good: Path) -> None:
        code, said = check(good, "--processes", "2")
        assert (code, said["findings"]) == (0, [])
        assert said["proven"].startswith("200 events, 0..199; as of head 200, signed 2026-11-22T04:00:01")

    @pytest.mark.parametrize(("start", "stop"), [(0, 1), (37, 90), (48, 96), (199, 200), (64, 64), (1, 199)])
    def test_of_any_range_is_proven_in_the_newest_head(
        self, check: Any, log: Log, tmp_path: Path, start: int, stop: int
    ) -> None:
        code, said = check(log.write(tmp_path / "range", KEY, start=start, stop=stop))
        assert (code, said["findings"]) == (0, [])
        assert "as of head 200" in said["proven"]

    def test_is_complete_up_to_a_head_kept_elsewhere(self, check: Any, good: Path, log: Log, tmp_path: Path) -> None:
        head, anchor = tmp_path / "head.json", tmp_path / "anchor.json"
        head.write_bytes(jcs(log.head(200, KEY)))
        anchor.write_bytes(jcs({"size": 200, "root": log.head(200, KEY)["root"]}))
        of_chain = {name: tmp_path / name for name in ("input", "transaction", "answer")}
        data = "0x" + (jcs(log.head(200, KEY)) + b"\n").hex()
        of_chain["input"].write_text(data + "\n")
        of_chain["transaction"].write_bytes(jcs({"hash": "0x12", "input": data, "to": None}))
        of_chain["answer"].write_bytes(jcs({"id": 1, "jsonrpc": "2.0", "result": {"hash": "0x12", "input": data}}))
        given = [
            ("--head", head),
            ("--anchor", head),
            ("--anchor", anchor),
            *(("--anchor", one) for one in of_chain.values()),
        ]
        for option, path in given:
            code, said = check(good, option, str(path))
            assert code == 0
            assert "complete up to size 200" in said["proven"]


class TestExpiredEvents:
    @pytest.fixture
    def log(self) -> Log:
        log = invent(40)
        log.add("audit_log/expiry", at=log.at + PAST_ALL, action="audit.expired", after={"ranges": [[5, 8], [30, 31]]})
        log.add("order/1")
        log.sign()
        return log

    def test_are_accepted_up_to_but_not_with_the_end_of_a_range(self, check: Any, log: Log, tmp_path: Path) -> None:
        assert check(log.write(tmp_path / "covered", KEY, expired={5, 6, 7, 30}))[0] == 0
        code, said = check(log.write(tmp_path / "not", KEY, expired={5, 6, 7, 8, 31}))
        found = [(one["class"], one["first"], one["last"]) for one in said["findings"]]
        assert (code, found) == (CODES["delete"], [("delete", 8, 8), ("delete", 31, 31)])

    def test_of_a_range_need_the_later_event_and_its_path(self, check: Any, log: Log, tmp_path: Path) -> None:
        code, said = check(log.write(tmp_path / "bare", KEY, stop=20, expired={5, 6, 7}))
        assert (code, said["findings"][0]["first"], said["findings"][0]["last"]) == (CODES["delete"], 5, 7)
        good = log.write(tmp_path / "told", KEY, stop=20, expired={5, 6, 7}, expiries=[40])
        code, said = check(good)
        assert (code, said["findings"], said["notes"]) == (0, [], [])
        late = log.write(tmp_path / "late", KEY, start=6, stop=20, expired={6, 7}, expiries=[40])
        assert check(late)[0] == 0

    def test_are_not_covered_by_an_event_that_was_never_signed(self, check: Any, log: Log, tmp_path: Path) -> None:
        good = log.write(tmp_path / "told", KEY, stop=20, expired={5, 6, 7, 9}, expiries=[40])
        assert check(good)[1]["findings"][0]["first"] == 9
        told = json.loads((good / "expiries.jsonl").read_bytes())
        forged = {**told, "body": told["body"].replace("[5,8]", "[5,10]")}
        for entry in (forged, {**told, "index": 41}, {**told, "size": 16}, {**told, "path": told["path"][1:]}):
            (good / "expiries.jsonl").write_bytes(jcs(entry) + b"\n")
            code, said = check(good)
            assert (code, said["findings"][0]["first"]) == (CODES["delete"], 5)
            assert "expiries.jsonl line 1 does not lead to a signed head" in said["notes"]

    def test_are_not_covered_by_an_event_before_them(self, check: Any, tmp_path: Path) -> None:
        log = invent(40)
        log.add("audit_log/expiry", at=log.at + PAST_ALL, action="audit.expired", after={"ranges": [[5, 60]]})
        log.add("order/1")
        log.sign()
        code, said = check(log.write(tmp_path / "later", KEY, expired={5, 41}))
        assert (code, said["findings"][0]["first"]) == (CODES["delete"], 41)

    def test_are_not_covered_by_an_event_that_comes_sooner_than_any_period_ends(
        self, check: Any, tmp_path: Path
    ) -> None:
        """Whoever may write to the log, and delete from it, could else hide what is recent."""
        for days, code in ((365, CODES["delete"]), (367, 0)):
            log = invent(40)
            at = log.at + timedelta(days=days)
            log.add("audit_log/expiry", at=at, action="audit.expired", after={"ranges": [[0, 40]]})
            log.sign()
            found, said = check(log.write(tmp_path / f"{days}", KEY, expired={20, 33}))
            assert found == code
            assert [(one["first"], one["last"]) for one in said["findings"]] == ([(20, 20), (33, 33)] if code else [])

    def test_explain_what_later_events_of_their_streams_name_and_nothing_else(self, check: Any, tmp_path: Path) -> None:
        log = invent(60)
        gone = {index for index in range(10, 30) if index % 3 == 0}
        ranges = [[index, index + 1] for index in sorted(gone)]
        log.add("audit_log/expiry", at=log.at + PAST_ALL, action="audit.expired", after={"ranges": ranges})
        log.sign()
        good = log.write(tmp_path / "good", KEY, expired=gone)
        assert check(good)[0] == 0
        for kind, skill in (("delete", "naive"), ("insert", "naive"), ("edit", "naive"), ("edit", "careful")):
            code, said = check(tampered(good, tmp_path / f"{kind}-{skill}", kind, skill, index=22))
            assert code == CODES[kind]
            assert said["findings"][0]["first"] <= 22 <= said["findings"][0]["last"]


class TestJournal:
    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        log = invent(20)
        for number in range(4):
            log.add_batch(f'{number} ["order","party"]\n{number + 1} ["ü"]')
            log.add("order/1")
        log.sign()
        return log.write(tmp_path / "journal", KEY)

    def test_rows_are_those_that_the_events_name(self, check: Any, good: Path) -> None:
        assert check(good)[0] == 0

    @pytest.mark.parametrize(
        ("change", "first", "text"),
        [
            (lambda rows: [rows[0], *rows[2:]], 22, "is missing"),
            (lambda rows: rows[:3], 26, "is missing"),
            (lambda rows: [rows[0] | {"body": rows[0]["body"] + " "}, *rows[1:]], 20, "not the one it names"),
            (lambda rows: [*rows[:2], rows[2] | {"seq": 2}, rows[3]], 24, "not the one it names"),
            (lambda rows: [*rows, rows[3] | {"index": 27}], 27, "no event here names"),
            (lambda rows: [rows[0], rows[0], *rows[1:]], 20, "no event here names"),
        ],
    )
    def test_tampered_with_is_told_with_the_event(
        self, check: Any, good: Path, change: Any, first: int, text: str
    ) -> None:
        rows = [json.loads(line) for line in (good / "journal.jsonl").read_bytes().splitlines()]
        (good / "journal.jsonl").write_bytes(b"".join(jcs(row) + b"\n" for row in change(rows)))
        code, said = check(good)
        assert (code, said["findings"][0]["first"]) == (CODES["journal"], first)
        assert text in said["findings"][0]["text"]

    def test_left_out_altogether_is_told(self, check: Any, good: Path) -> None:
        (good / "journal.jsonl").unlink()
        manifest = json.loads((good / "manifest.json").read_bytes())
        del manifest["files"]["journal.jsonl"]
        (good / "manifest.json").write_bytes(jcs(manifest))
        assert check(good)[0] == CODES["journal"]


# Kind, skill: class named, first and last index, whether proven.
CASES = [
    ("edit", "naive", "edit", 70, 70, True),
    ("edit", "tiles", "edit", 64, 79, False),
    ("edit", "careful", "edit", 64, 79, False),
    ("delete", "naive", "delete", 70, 70, True),
    ("delete", "tiles", "delete", 70, 70, False),
    ("delete", "careful", "delete", 70, 70, False),
    *(("insert", skill, "insert", 70, 70, True) for skill in ("naive", "tiles", "careful")),
    *(("duplicate", skill, "insert", 120, 120, True) for skill in ("naive", "tiles", "careful")),
    *(("reorder", skill, "reorder", 70, 78, True) for skill in ("naive", "tiles", "careful")),
    *(("move", skill, "reorder", 70, 100, True) for skill in ("naive", "tiles", "careful")),
    *(("backdate", skill, "backdate", 70, 70, True) for skill in ("naive", "tiles", "careful")),
    ("truncate", "naive", "truncate", 70, 199, True),
    ("truncate", "tiles", "truncate", 70, 199, False),
    *(("resign", skill, "key", None, None, True) for skill in ("naive", "tiles", "careful")),
]


EXPECTED = {"duplicate": "insert", "move": "reorder"}


class TestTampering:
    @pytest.mark.parametrize(("kind", "skill", "named", "first", "last", "proven"), CASES)
    def test_is_named_with_its_place(
        self,
        check: Any,
        good: Path,
        tmp_path: Path,
        kind: str,
        skill: str,
        named: str,
        first: Any,
        last: Any,
        proven: bool,
    ) -> None:
        to = {"reorder": 78, "move": 100, "duplicate": 120}.get(kind)
        code, said = check(tampered(good, tmp_path / "copy", kind, skill, to=to))
        found = said["findings"][0]
        assert (code, found["class"], found["first"], found["last"]) == (CODES[named], named, first, last)
        assert (found["proven"], said["proven"]) == (proven, "")

    @pytest.mark.parametrize("skill", ["naive", "tiles", "careful"])
    @pytest.mark.parametrize(("kind", "named"), [("reorder", "reorder"), ("move", "reorder"), ("insert", "insert")])
    def test_across_heads_of_a_log_whose_numbers_and_times_step_back_is_named(
        self, check: Any, tmp_path: Path, kind: str, named: str, skill: str
    ) -> None:
        good = concurrent(160).write(tmp_path / "good", KEY)
        assert check(good)[0] == 0
        code, said = check(tampered(good, tmp_path / "copy", kind, skill, index=52, to=77))
        found = said["findings"]
        last = 52 if kind == "insert" else 77
        assert (code, found[0]["first"], found[0]["last"], found[0]["proven"]) == (CODES[named], 52, last, True)

    @pytest.mark.parametrize("skill", ["naive", "tiles", "careful"])
    def test_of_a_range_is_named_too(self, check: Any, log: Log, tmp_path: Path, skill: str) -> None:
        good = log.write(tmp_path / "good", KEY, start=37, stop=150)
        for kind, to in (("insert", None), ("reorder", 99), ("backdate", None), ("duplicate", 148)):
            code, said = check(tampered(good, tmp_path / kind, kind, skill, index=90, to=to))
            found = said["findings"][0]
            first, last = (to, to) if kind == "duplicate" else (90, to or 90)
            assert (code, found["first"], found["last"]) == (CODES[EXPECTED.get(kind, kind)], first, last)

    def test_by_renumbering_the_lines_after_a_deletion_is_betrayed_by_what_they_name(
        self, check: Any, good: Path, tmp_path: Path
    ) -> None:
        """Also where the event after it in its stream has been made to fit."""
        copy = tampered(good, tmp_path / "copy", "delete", "tiles")
        code, said = check(copy)
        assert (code, said["findings"][0]["first"], said["findings"][0]["last"]) == (CODES["delete"], 70, 70)
        assert "names that of 70" in said["findings"][0]["text"]

    def test_of_one_event_under_its_own_head_is_found_there_though_all_is_computed_anew(
        self, check: Any, tmp_path: Path
    ) -> None:
        good = invent(30, every=1).write(tmp_path / "dense", KEY)
        code, said = check(tampered(good, tmp_path / "copy", "edit", "careful", index=12))
        assert (code, said["findings"][0]["first"], said["findings"][0]["last"]) == (CODES["edit"], 12, 12)

    @pytest.mark.parametrize("body", [b"{{", b"[" * 99999, b"\xff\xfe", b"", b"{}", b'{"v":2}', b'{"a":1,"a":1}'])
    def test_that_leaves_no_event_is_an_edit(self, check: Any, good: Path, tmp_path: Path, body: bytes) -> None:
        copy = tmp_path / "copy"
        shutil.copytree(good, copy)
        lines = (copy / "events.jsonl").read_bytes().split(b"\n")
        lines[71] = b"71\t" + body
        (copy / "events.jsonl").write_bytes(b"\n".join(lines))
        code, said = check(copy)
        found = said["findings"]
        assert (code, len(found), found[0]["first"], found[0]["proven"]) == (CODES["edit"], 1, 71, True)

    @pytest.mark.parametrize("skill", ["naive", "careful"])
    def test_by_moving_an_event_to_before_is_named_too(
        self, check: Any, good: Path, tmp_path: Path, skill: str
    ) -> None:
        code, said = check(tampered(good, tmp_path / "copy", "move", skill, index=100, to=70))
        found = said["findings"]
        assert (code, len(found), found[0]["first"], found[0]["last"]) == (CODES["reorder"], 1, 70, 100)

    def test_of_the_end_shows_only_against_a_later_head(self, check: Any, good: Path, log: Log, tmp_path: Path) -> None:
        later = tmp_path / "later.json"
        later.write_bytes(jcs(log.head(200, KEY)))
        short = tampered(good, tmp_path / "short", "truncate", "careful")
        code, said = check(short)
        assert code == 0
        assert "as of head 64" in said["proven"]
        code, said = check(short, "--head", str(later))
        assert (code, said["findings"][0]["first"], said["findings"][0]["last"]) == (CODES["truncate"], 64, 199)
        other = tampered(good, tmp_path / "other", "rewrite-tail", "careful")
        assert check(other)[1]["findings"][0]["class"] == "insert"
        assert check(other, "--head", str(later))[0] == CODES["fork"]

    def test_by_the_log_itself_is_a_fork_against_a_head_kept_elsewhere(
        self, check: Any, log: Log, tmp_path: Path
    ) -> None:
        kept = tmp_path / "kept.json"
        kept.write_bytes(jcs(log.head(150, KEY)))
        second = invent(120)
        for number in range(80):
            second.add(f"order/{number % 5}")
        second.heads = [*log.heads]
        bundle = second.write(tmp_path / "second", KEY)
        assert check(bundle)[0] == 0
        code, said = check(bundle, "--head", str(kept))
        assert (code, said["findings"][0]["first"], said["findings"][0]["last"]) == (CODES["fork"], 0, 149)
        earlier = tmp_path / "earlier.json"
        earlier.write_bytes(jcs(log.head(100, KEY)))
        code, said = check(bundle, "--head", str(kept), "--head", str(earlier))
        assert (code, said["findings"][0]["first"], said["findings"][0]["last"]) == (CODES["fork"], 100, 149)

    def test_before_it_was_signed_breaks_a_stream_or_its_time(self, check: Any, tmp_path: Path) -> None:
        log = invent(40)
        last = log.streams["order/3"]
        log.streams["order/3"] = last[0] + 1, last[1]
        log.add("order/3")
        log.sign()
        code, said = check(log.write(tmp_path / "gap", KEY))
        assert (code, said["findings"][0]["first"]) == (CODES["delete"], 40)
        log = invent(40)
        log.add("order/3", at=log.times[0].replace(year=2025))
        log.add("order/3", at=log.times[39])
        log.sign()
        code, said = check(log.write(tmp_path / "old", KEY))
        assert (code, said["findings"][0]["first"]) == (CODES["backdate"], 40)

    def test_with_another_key_given_proves_nothing(self, check: Any, good: Path) -> None:
        code, said = check(good, key=public(new_key(2)))
        assert (code, said["proven"]) == (CODES["key"], "")


class TestDisclosure:
    def test_is_accepted_only_as_committed(self, check: Any, good: Path, tmp_path: Path) -> None:
        path = tmp_path / "disclosed.json"
        entry = {"index": 70, "name": "ip", "value": "203.0.113.9", "salt": SALT.hex()}
        path.write_bytes(jcs([entry]))
        assert check(good, "--disclosure", str(path))[0] == 0
        for wrong in ({"value": "203.0.113.8"}, {"name": "user_agent"}, {"salt": "00" * 32}, {"index": 999}):
            path.write_bytes(jcs([entry | wrong]))
            assert check(good, "--disclosure", str(path))[0] == CODES["disclosure"]


def rewritten(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes())) and None


def linked(folder: Path) -> None:
    (folder / "heads.jsonl").rename(folder / "elsewhere")
    (folder / "heads.jsonl").symlink_to(folder / "elsewhere")


DAMAGE: dict[str, Callable[[Path], Any]] = {
    **{f"{name} missing": lambda folder, name=name: (folder / name).unlink()
       for name in ("manifest.json", "events.jsonl", "leaves.bin", "edges.jsonl", "heads.jsonl", "keys.json")},
    **{f"{name} empty": rewritten(name, lambda _: b"") for name in ("manifest.json", "heads.jsonl")},
    **{f"{name} of noise": rewritten(name, lambda _: bytes(range(256)) * 99)
       for name in ("manifest.json", "events.jsonl", "heads.jsonl", "edges.jsonl", "keys.json", "leaves.bin")},
    "events cut in a line": rewritten("events.jsonl", lambda data: data[:-40]),
    "heads cut in a line": rewritten("heads.jsonl", lambda data: data[:-40]),
    "a line without an index": rewritten("events.jsonl", lambda data: data.replace(b"\n71\t", b"\n", 1)),
    "a huge line": rewritten("events.jsonl", lambda data: data + b"200\t" + b"x" * (9 << 20)),
    "a huge number": rewritten("heads.jsonl", lambda data: data.replace(b'"size":16,', b'"size":1' + b"9" * 9000)),
    "a key twice": rewritten("manifest.json", lambda data: data.replace(b'"v":1', b'"v":1,"v":1')),
    "a negative range": rewritten("manifest.json", lambda data: data.replace(b'"from":0', b'"from":-1')),
    "a truth for a number": rewritten("manifest.json", lambda data: data.replace(b'"from":0', b'"from":false')),
    "a path for a file": rewritten("manifest.json", lambda data: data.replace(b"keys.json", b"../../etc/passwd")),
    "a root that is no hash": rewritten("heads.jsonl", lambda data: data.replace(b'"root":"', b'"root":"zz')),
    "another log's heads": rewritten("heads.jsonl", lambda data: data.replace(LOG.encode(), b"another/log")),
    "a link": linked,
    "a folder for a file": lambda folder: ((folder / "keys.json").unlink(), (folder / "keys.json").mkdir()),
    "a pipe for a file": lambda folder: ((folder / "keys.json").unlink(), os.mkfifo(folder / "keys.json")),
    "an edge too short": rewritten("edges.jsonl", lambda _: b'{"from":200,"nodes":[],"to":300}\n'),
}  # fmt: skip


class TestDamage:
    @pytest.mark.parametrize("name", DAMAGE)
    def test_is_told_in_a_sentence(self, check: Any, good: Path, tmp_path: Path, name: str) -> None:
        copy = tmp_path / "copy"
        shutil.copytree(good, copy)
        DAMAGE[name](copy)
        code, said = check(copy)
        assert (code, said["findings"][0]["class"]) == (3, "damaged")

    def test_of_an_argument_is_told_apart(self, check: Any, good: Path, tmp_path: Path) -> None:
        assert check(tmp_path / "nowhere")[0] == 3
        for key in ("", "x", base64.b64encode(b"short").decode(), "-----BEGIN PUBLIC KEY-----"):
            code, said = check(good, f"--key={key}")
            assert code == 2
            assert said["said"].startswith("verifier: the key is not an Ed25519 public key")
        (tmp_path / "head.json").write_bytes(b"[1]")
        assert check(good, "--head", str(tmp_path / "head.json"))[0] == 2
        assert check(good, "--head", str(tmp_path / "absent"))[0] == 2

    def test_of_any_single_byte_is_refused(self, check: Any, tmp_path: Path) -> None:
        """Every file, at places spread over it: a flipped bit never verifies and never crashes."""
        good = invent(6, every=3).write(tmp_path / "small", KEY)
        for name in ("manifest.json", "events.jsonl", "leaves.bin", "heads.jsonl", "keys.json"):
            data = (good / name).read_bytes()
            for place in range(5, len(data), max(1, len(data) // 3)):
                (good / name).write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
                code, said = check(good)
                # What the manifest says of when it was made is signed by nobody.
                assert code in {3, *CODES.values()} or (name, code) == ("manifest.json", 0), (name, place, said)
            (good / name).write_bytes(data)
        assert check(good)[0] == 0


def test_the_writer_hashes_as_the_standard_says() -> None:
    assert leaf(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
