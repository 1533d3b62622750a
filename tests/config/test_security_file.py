"""The policy file: what is wrong with it stops the start, with line, key, what was found and what was expected."""

import os
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.accounts.types import STAFF_ROLES
from config.security import Security, SecurityFileError, load, reference
from config.security.secrets import Secret, SecretUnset
from config.security.types.access import StaffRole

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = (ROOT / "config" / "security.yaml").read_text()
LINES = SHIPPED.splitlines()
KEY = re.compile(r"(?P<indent> *)(?P<dash>- )?(?P<key>[a-z_]+):(?P<rest>.*)")
# Entries of these have names of the operator's choosing: another name is no mistake by itself.
NAMED = ("providers", "rate_limits.tiers", "webhooks.inbound")
TOKEN = "api_live.Zk3nQ9x7Lw2Vb8Rt5Yp1"


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def reading(text: str | bytes, *, production: bool = False, **environment: str) -> Security:
        file = tmp_path / "security.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        environment = {"AWS_KMS_KEY_ID": "a-key", "AUDIT_SIGNING_KEY": "another"} | environment
        return load(
            file, name="config/security.yaml", read_secret=lambda name: environment.get(name, ""), production=production
        )

    return reading


def load_text(text: str, tmp: Path = ROOT / ".local" / "tests") -> Security:
    """For Hypothesis, whose examples share no fixture."""
    tmp.mkdir(parents=True, exist_ok=True)
    file = tmp / f"security-{os.getpid()}.yaml"
    file.write_text(text, errors="surrogateescape")
    return load(file, name="config/security.yaml", read_secret=lambda _name: "", production=False)


def line_of(text: str, nth: int = 1) -> int:
    found = [number for number, line in enumerate(LINES, 1) if line.strip().startswith(text)]
    return found[nth - 1]


def replaced(number: int, line: str) -> str:
    return "\n".join([*LINES[: number - 1], line, *LINES[number:]]) + "\n"


def path_of(number: int) -> str:
    """The key path of a line, from the indents above it."""
    path: list[tuple[int, str]] = []
    item = -1
    for line in LINES[:number]:
        if not (match := KEY.fullmatch(line)):
            continue
        indent = len(match["indent"]) + len(match["dash"] or "")
        item = 0 if match["key"] == "providers" and indent == 2 else item + bool(match["dash"])
        path = [each for each in path if each[0] < indent]
        path.append((indent, match["key"]))
    return ".".join(key for _indent, key in path)


KEY_LINES = [number for number, line in enumerate(LINES, 1) if KEY.fullmatch(line)]
FIXED = [
    number for number in KEY_LINES if path_of(number).rpartition(".")[0] not in NAMED and "- " not in LINES[number - 1]
]
VALUES = [number for number in KEY_LINES if KEY.fullmatch(LINES[number - 1])["rest"].strip()]  # type: ignore[index]


def block_end(number: int) -> int:
    """The last line that belongs to the key of this line."""
    indent = len(KEY.fullmatch(LINES[number - 1])["indent"])  # type: ignore[index]
    end = number
    while end < len(LINES) and (not LINES[end].strip() or len(LINES[end]) - len(LINES[end].lstrip()) > indent):
        end += 1
    return end


def problems(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(SecurityFileError) as refused:
        load_text(text)
    message = str(refused.value)
    for each in refused.value.problems:
        assert f"config/security.yaml:{each.line}: {each.key}: found {each.found}, expected {each.expected}" in message
        assert each.found
        assert each.expected
    return [(each.line, each.key, each.found) for each in refused.value.problems]


FEW = settings(max_examples=12, deadline=None)


class TestShippedFile:
    def test_is_accepted_in_development_and_production(self, read: Any) -> None:
        assert read(SHIPPED) == read(SHIPPED, production=True)

    def test_is_frozen_to_its_depth(self, read: Any) -> None:
        def check(value: Any) -> None:
            if is_dataclass(value):
                name = fields(value)[0].name
                with pytest.raises(FrozenInstanceError):
                    setattr(value, name, None)
                for each in fields(value):
                    check(getattr(value, each.name))
            elif isinstance(value, MappingProxyType | tuple):
                for each in value.values() if isinstance(value, MappingProxyType) else value:
                    check(each)
            else:
                assert isinstance(value, int | float | str)

        check(read(SHIPPED))

    def test_knows_the_roles_of_staff(self) -> None:
        assert {str(role) for role in StaffRole} == STAFF_ROLES


class TestMutations:
    @FEW
    @given(st.sampled_from(FIXED))
    def test_a_key_dropped_is_missed_by_its_name(self, number: int) -> None:
        text = "\n".join(LINES[: number - 1] + LINES[block_end(number) :]) + "\n"
        found = problems(text)
        name = path_of(number).rpartition(".")[2]
        assert any(key.split(".")[-1] == name for _line, key, _found in found) or ("nothing" in str(found))
        assert all(line < number + 2 for line, _key, _found in found)

    @FEW
    @given(st.sampled_from(FIXED))
    def test_a_key_renamed_is_unknown_on_its_line(self, number: int) -> None:
        line = LINES[number - 1]
        key = KEY.fullmatch(line)["key"]  # type: ignore[index]
        found = problems(replaced(number, line.replace(f"{key}:", f"{key}_x:", 1)))
        assert any(
            line == number and said == "an unknown key" and name.endswith(f"{key}_x") for line, name, said in found
        )
        assert any(name.endswith(key) and said == "nothing" for _line, name, said in found)

    @FEW
    @given(st.sampled_from(FIXED))
    def test_a_key_added_is_unknown_on_its_line(self, number: int) -> None:
        indent = KEY.fullmatch(LINES[number - 1])["indent"]  # type: ignore[index]
        text = "\n".join([*LINES[: number - 1], f"{indent}surprise: 1", *LINES[number - 1 :]]) + "\n"
        assert [(line, said) for line, _key, said in problems(text)] == [(number, "an unknown key")]

    @FEW
    @given(st.sampled_from(FIXED))
    def test_a_key_written_twice_is_refused_at_the_second(self, number: int) -> None:
        end = block_end(number)
        text = "\n".join([*LINES[:end], *LINES[number - 1 : end], *LINES[end:]]) + "\n"
        assert (end + 1, path_of(number), "a key written twice") in [
            (line, re.sub(r"\.\d+", "", key), said) for line, key, said in problems(text)
        ]

    @FEW
    @given(
        st.sampled_from(VALUES),
        st.sampled_from(
            ["", " ~", " {}", " {a: 1}", " 2020-01-01", " .nan", " .inf", " 1e400", " -1", " 1_000", " 0x10", " on"]
        ),
    )
    def test_a_value_of_another_type_is_refused_on_its_line(self, number: int, value: str) -> None:
        match = KEY.fullmatch(LINES[number - 1])
        assert match
        # A word where any word will do is no other type.
        text_key = match["key"] in {"citation", "region", "name", "default_tier"}
        if text_key and value in {" on", " 1_000"}:
            return
        found = problems(replaced(number, f"{match['indent']}{match['dash'] or ''}{match['key']}:{value}"))
        assert next(line for line, _key, _found in found) == number, found

    @FEW
    @given(st.sampled_from(KEY_LINES), st.integers(0, 40), st.text(max_size=6))
    @example(1, 0, "\x00")
    @example(1, 0, "\udcff")
    def test_of_any_text_raise_nothing_else(self, number: int, column: int, noise: str) -> None:
        line = LINES[number - 1]
        try:
            loaded = load_text(replaced(number, line[:column] + noise + line[column:]))
        except SecurityFileError:
            return
        except UnicodeEncodeError:
            pass  # surrogates that no file holds
        else:
            assert isinstance(loaded, Security)


class TestProblems:
    @pytest.mark.parametrize(
        ("line", "value", "found"),
        [
            ("access_token_seconds", "true", "true"),
            ("access_token_seconds", '"300"', "a text"),
            ("access_token_seconds", "300.0", "300.0"),
            ("access_token_seconds", "301", "301"),
            ("access_token_seconds", "٣٠٠", "a text"),
            ("enabled", "yes", "the text yes"),
            ("enabled", "TRUE", "TRUE"),
            ("enabled", "1", "1"),
            ("price_percent", "true", "true"),
            ("price_percent", "1e2", "1e2"),
            ("rotation_days", "2026-11-21", "a date"),
            ("rotation_days", "", "nothing"),
            ("provider:", "VAULT", "the text VAULT"),
            ("required_roles", "[INVESTOR]", "the text INVESTOR"),
            ("required_roles", "OPS", "the text OPS"),
            ("critical", "[]", "a list"),
        ],
    )
    def test_say_what_was_found_where(self, line: str, value: str, found: str) -> None:
        number = line_of(line)
        key = KEY.fullmatch(LINES[number - 1])
        assert key
        told = problems(replaced(number, f"{key['indent']}{key['key']}: {value}"))
        assert [(where, said) for where, _key, said in told] == [(number, found)]

    @pytest.mark.parametrize(
        ("line", "value", "key"),
        [
            ("idle_seconds: 900", "1801", "authentication.sessions.staff.idle_seconds"),
            ("absolute_seconds: 43200", "1000", "authentication.sessions.users.idle_seconds"),
            ("validity_days: 365", "1096", "kyc.validity_days"),
            ("rotation_alert_days: 14", "90", "encryption.rotation_alert_days"),
            ("object_lock_days: 2587", "2556", "audit.anchoring.object_lock_days"),
            ("days: 3653", "3652", "audit.retention.sanctions.days"),
            ("days: 1827", "1826", "audit.retention.currency_transactions.days"),
            ("starts: END", "EVENT", "audit.retention.customer_accounts.starts"),
            ("min_length_with_mfa: 8", "16", "authentication.passwords.min_length_with_mfa"),
            ("probe_seconds: 25", "20", "providers.chain_node.breaker.probe_seconds"),
            ("connect_seconds: 2", "21", "providers.chain_node.timeouts.connect_seconds"),
            ("longest_quarantine_seconds: 600", "29", "chain.endpoints.longest_quarantine_seconds"),
            ("longest_lie_seconds: 86400", "599", "chain.endpoints.longest_lie_seconds"),
            ("default_tier: standard", "gold", "rate_limits.default_tier"),
            ("- name: onfido", "veriff", "kyc.providers.0.name"),
            ("- name: onfido", "jumio", "kyc.providers.1.name"),
            ("next_secret: ONFIDO", "ONFIDO_WEBHOOK_SECRET", "webhooks.inbound.onfido.next_secret"),
            ("warning: [LOG, SLACK]", "[SLACK]", "monitoring.channels.warning"),
            (
                "- capitalization_usd: 50000000",
                "5000000",
                "reconciliation.ageing.tiers.1.capitalization_usd",
            ),
        ],
    )
    def test_name_keys_that_contradict_each_other(self, line: str, value: str, key: str) -> None:
        number = line_of(line)
        begin = LINES[number - 1].split(":")[0]
        text = replaced(number, f"{begin}: {value}")
        assert key in [name for _line, name, _found in problems(text)]

    @pytest.mark.parametrize(
        ("text", "line", "found"),
        [
            ("", 1, "an empty file"),
            ("- 1\n", 1, "a list"),
            ("kyc: &x\n  a: 1\n", 1, "an anchor"),
            ("a: 1\nkyc: *x\n", 2, "an alias"),
            ("kyc: !!python/object:os.system {}\n", 1, "a tag"),
            ("%YAML 1.1\n---\nkyc: 1\n", 1, "a directive"),
            ("kyc: 1\n---\nkyc: 2\n", 2, "text that is not YAML"),
            ("kyc: [1\n", 2, "text that is not YAML"),
            ("kyc:\n\tx: 1\n", 2, "text that is not YAML"),
            ("? [a]\n: 1\n", 1, "a key that is a list or an object"),
            (b"kyc: 1\naudit: \xff\n", 2, "bytes that are not UTF-8"),
            ("[" * 100_000, 1, "too many levels"),
            ("#" * 300_000, 1, "300000 bytes"),
        ],
    )
    def test_of_the_yaml_itself_name_their_line(self, read: Any, text: str | bytes, line: int, found: str) -> None:
        with pytest.raises(SecurityFileError) as refused:
            read(text)
        assert [(each.line, each.found) for each in refused.value.problems] == [(line, found)]

    def test_refuse_a_merge_key(self, read: Any) -> None:
        with pytest.raises(SecurityFileError) as refused:
            read(SHIPPED + "<<: {kyc: 1}\n")
        assert [(each.line, each.found) for each in refused.value.problems] == [(len(LINES) + 1, "an unknown key")]

    def test_are_listed_all_at_once(self) -> None:
        text = SHIPPED.replace("access_token_seconds: 300", "access_token_seconds: 900")
        text = text.replace("rotation_days: 90", "rotation_days: often").replace("max_per_user: 5", "most: 5")
        told = [(line, key) for line, key, _found in problems(text)]
        assert (line_of("access_token_seconds"), "authentication.access_token_seconds") in told
        assert (line_of("rotation_days"), "encryption.rotation_days") in told
        assert (line_of("max_per_user"), "authentication.sessions.most") in told
        assert len(told) == 4

    def test_say_that_there_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(SecurityFileError, match="FileNotFoundError"):
            load(tmp_path / "none.yaml", name="none.yaml", read_secret=lambda _name: "", production=False)


class TestSecrets:
    @pytest.mark.parametrize(
        ("line", "value"),
        [
            ("secrets: [SLACK", "[https://hooks.slack.com/services/T0/B0/x]"),
            ("kms_key", "hunter2"),
            ("secrets: [ONFIDO", f"[{TOKEN}]"),
            ("citation", TOKEN),
            ("region", "AKIAIOSFODNN7EXAMPLE"),
            ("citation", "postgres://books:hunter2@db/books"),
            ("rotation_days", TOKEN),
            ("provider:", "hunter2"),
        ],
    )
    def test_in_the_file_are_refused_and_not_repeated(self, line: str, value: str) -> None:
        number = line_of(line)
        begin = LINES[number - 1].split(":")[0]
        with pytest.raises(SecurityFileError) as refused:
            load_text(replaced(number, f"{begin}: {value}"))
        assert [each.line for each in refused.value.problems] == [number]
        assert value.strip("[]") not in str(refused.value)

    def test_written_as_a_key_are_not_repeated(self) -> None:
        with pytest.raises(SecurityFileError) as refused:
            load_text(SHIPPED + f"{TOKEN}: 1\nsk_live_abcdef0123456789: 1\n")
        assert [each.line for each in refused.value.problems] == [len(LINES) + 1, len(LINES) + 2]
        assert TOKEN not in str(refused.value)
        assert "sk_live" not in str(refused.value)

    def test_come_from_the_environment_and_never_show(self, read: Any) -> None:
        security = read(SHIPPED, SLACK_WEBHOOK_URL="https://hooks.example/abc")
        assert security.providers["slack"].secrets[0].reveal() == "https://hooks.example/abc"
        assert "hooks.example" not in f"{security!r}{security.providers['slack'].secrets[0]}"
        with pytest.raises(SecretUnset, match="PAGERDUTY_INTEGRATION_KEY is not set"):
            security.providers["pagerduty"].secrets[0].reveal()
        assert Secret("A_B", "x") == Secret("A_B", "y")

    def test_of_what_is_enabled_are_demanded_in_production(self, read: Any) -> None:
        number = line_of("enabled: false", 2)  # jumio's
        text = replaced(number, "      enabled: true")
        assert read(text).kyc.providers[1].enabled
        assert read(text, production=True, JUMIO_API_TOKEN="t", JUMIO_API_SECRET="s").kyc.providers[1].enabled
        with pytest.raises(SecurityFileError) as refused:
            read(text, production=True, JUMIO_API_TOKEN="t")
        (problem,) = refused.value.problems
        assert (problem.line, problem.key) == (line_of("secrets: [JUMIO"), "providers.jumio.secrets")
        assert problem.found == "JUMIO_API_SECRET, which is not set"

    def test_of_a_webhook_may_be_one_alone(self, read: Any) -> None:
        text = SHIPPED.replace("onfido:\n      enabled: false", "onfido:\n      enabled: true")
        read(text, production=True, ONFIDO_WEBHOOK_SECRET="one")
        with pytest.raises(SecurityFileError, match="ONFIDO_WEBHOOK_SECRET, which is not set"):
            read(text, production=True)

    def test_are_not_guarded_by_a_local_key_in_production(self, read: Any) -> None:
        text = SHIPPED.replace("provider: KMS", "provider: LOCAL")
        read(text)
        with pytest.raises(SecurityFileError) as refused:
            read(text, production=True)
        assert [(each.line, each.key) for each in refused.value.problems] == [
            (line_of("provider: KMS"), "encryption.provider")
        ]

    def test_are_not_without_a_key_of_kms_in_production(self, read: Any) -> None:
        with pytest.raises(SecurityFileError, match="kms_key: found AWS_KMS_KEY_ID, which is not set, expected it set"):
            read(SHIPPED, production=True, AWS_KMS_KEY_ID="")
        read(SHIPPED, AWS_KMS_KEY_ID="")

    def test_of_production_needs_the_key_that_signs_the_audit_trail(self, read: Any) -> None:
        with pytest.raises(SecurityFileError, match=r"signing\.key: found AUDIT_SIGNING_KEY, which is"):
            read(SHIPPED, production=True, AUDIT_SIGNING_KEY="")
        read(SHIPPED, AUDIT_SIGNING_KEY="")


class TestReference:
    def test_page_for_operators_is_up_to_date(self) -> None:
        assert reference.PAGE.read_text() == reference.page(), "run python -m config.security.reference"

    def test_keys_in_force_are_read_by_the_code(self) -> None:
        sources = "".join(
            file.read_text()
            for file in [*ROOT.glob("apps/**/*.py"), *ROOT.glob("config/*.py")]
            if "tests" not in file.parts
        )
        in_force = [row.split("`")[1] for row in reference.page().splitlines() if row.endswith("|  |") and "." in row]
        unread = {key for key in in_force if f".{key.rpartition('.')[2]}" not in sources}
        assert unread == set()


class TestStart:
    def test_stops_with_the_line_and_no_secret(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.yaml"
        file.write_text(SHIPPED.replace("max_per_user: 5", f"max_per_user: {TOKEN}"))
        environment = {**os.environ, "BOOKENTRY_SECURITY_FILE": str(file)}
        done = subprocess.run(
            [sys.executable, "-c", "import config.settings"],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode != 0
        where = (
            f"{file}:{line_of('max_per_user')}: authentication.sessions.max_per_user: found a text, expected a whole"
        )
        assert where in done.stderr
        assert TOKEN not in done.stderr
