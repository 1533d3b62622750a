"""Where the chain's keys are: one source a role, and a start that says what is wrong without quoting it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from apps.chain.types import SignerRole
from config.chain_signers import ROLES, SignerSource, SourceKind, read
from config.variables import Variables

REGION = "eu-central-1"
ARN = f"arn:aws:kms:{REGION}:111122223333:key/00000000-0000-0000-0000-000000000001"
KEY = "5c" * 32
ENDINGS = ("KMS_KEY", "KEYFILE", "PASSPHRASE", "PASSPHRASE_FILE", "KEY")


class Environment:
    """What a start reads, and what it says."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self.patch = patch
        for role in SignerRole.values:
            for ending in ENDINGS:
                patch.setenv(f"CHAIN_SIGNER_{role}_{ending}", "")
        (folder / "agent.json").write_text("{}")
        (folder / "agent.pass").write_text("open sesame")
        self.keyfile, self.passphrase_file = str(folder / "agent.json"), str(folder / "agent.pass")

    def read(
        self, *, production: bool = True, region: str = REGION, has_kms: bool = True, **values: str
    ) -> tuple[Mapping[str, SignerSource], Variables]:
        for name, value in values.items():
            self.patch.setenv(f"CHAIN_SIGNER_{name}", value)
        env = Variables(production=production)
        return read(env, replace(settings.KEY_SERVICE, region=region), has_kms=has_kms), env

    def told(self, *, production: bool = True, region: str = REGION, has_kms: bool = True, **values: str) -> list[str]:
        """The problems."""
        return self.read(production=production, region=region, has_kms=has_kms, **values)[1].problems


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    return Environment(monkeypatch, tmp_path)


class TestASource:
    def test_is_there_for_each_role_the_chain_knows(self) -> None:
        assert set(ROLES) == set(SignerRole.values)

    def test_is_none_in_a_process_that_does_not_sign(self, environment: Environment) -> None:
        assert environment.read()[0] == {}
        assert environment.told() == []

    @pytest.mark.parametrize(
        "name",
        [
            ARN,
            "00000000-0000-0000-0000-000000000001",
            "mrk-" + "0a" * 16,
            ARN.replace("arn:aws:", "arn:aws-us-gov:"),
            ARN[: -len("00000000-0000-0000-0000-000000000001")] + "mrk-" + "0a" * 16,
        ],
    )
    def test_is_a_key_of_kms(self, environment: Environment, name: str) -> None:
        found, env = environment.read(AGENT_KMS_KEY=name)
        assert env.problems == []
        assert found == {"AGENT": SignerSource(SourceKind.KMS_KEY, "CHAIN_SIGNER_AGENT_KMS_KEY", name)}

    def test_is_a_keyfile_and_its_passphrase(self, environment: Environment) -> None:
        found, env = environment.read(OPERATOR_KEYFILE=environment.keyfile, OPERATOR_PASSPHRASE=" open  sesame ")
        assert env.problems == []
        assert (found["OPERATOR"].kind, found["OPERATOR"].name) == (SourceKind.KEYFILE, environment.keyfile)
        assert found["OPERATOR"].secret == " open  sesame "
        assert " open  sesame " in env.secret_values()

    def test_is_a_keyfile_and_the_file_of_its_passphrase(self, environment: Environment) -> None:
        named = {"AGENT_KEYFILE": environment.keyfile, "AGENT_PASSPHRASE_FILE": environment.passphrase_file}
        found, env = environment.read(**named)
        assert env.problems == []
        assert (found["AGENT"].passphrase_file, found["AGENT"].secret) == (environment.passphrase_file, "")

    @pytest.mark.parametrize("key", [KEY, "0x" + KEY])
    def test_is_a_plain_key_in_development_alone(self, environment: Environment, key: str) -> None:
        found, env = environment.read(production=False, AGENT_KEY=key)
        assert env.problems == []
        assert (found["AGENT"].kind, found["AGENT"].secret) == (SourceKind.KEY, key)
        assert key in env.secret_values()
        assert environment.told(production=True) == [
            "CHAIN_SIGNER_AGENT_KEY must be unset in production: a key lies in KMS or in an encrypted keyfile"
        ]


KEYFILE, PASSPHRASE_FILE = "<keyfile>", "<passphrase file>"


class TestAWrongSource:
    @pytest.mark.parametrize(
        ("values", "named"),
        [
            ({"AGENT_KMS_KEY": ARN, "AGENT_KEYFILE": KEYFILE}, ["AGENT_KEYFILE"]),
            ({"AGENT_KMS_KEY": ARN, "AGENT_KEY": KEY}, ["AGENT_KEY"]),
            ({"AGENT_KEYFILE": KEYFILE, "AGENT_KEY": KEY, "AGENT_PASSPHRASE": "x"}, ["AGENT_KEY"]),
            ({"AGENT_KMS_KEY": ARN, "AGENT_KEYFILE": KEYFILE, "AGENT_KEY": KEY}, ["AGENT_KEYFILE"]),
            ({"AGENT_KMS_KEY": "alias/agent"}, ["AGENT_KMS_KEY"]),
            ({"AGENT_KMS_KEY": ARN.replace(":key/", ":alias/")}, ["AGENT_KMS_KEY"]),
            ({"AGENT_KMS_KEY": ARN.replace(":kms:", ":s3:")}, ["AGENT_KMS_KEY"]),
            ({"AGENT_KMS_KEY": ARN.replace("eu-central-1", "us-east-1")}, ["AGENT_KMS_KEY"]),
            ({"AGENT_KMS_KEY": "hunter2"}, ["AGENT_KMS_KEY"]),
            ({"AGENT_KMS_KEY": ARN, "OPERATOR_KMS_KEY": ARN}, ["OPERATOR_KMS_KEY"]),
            (
                {
                    "AGENT_KEYFILE": KEYFILE,
                    "AGENT_PASSPHRASE": "x",
                    "OPERATOR_KEYFILE": KEYFILE,
                    "OPERATOR_PASSPHRASE": "x",
                },
                ["OPERATOR_KEYFILE"],
            ),
            ({"AGENT_KEYFILE": KEYFILE}, ["AGENT_PASSPHRASE"]),
            (
                {"AGENT_KEYFILE": KEYFILE, "AGENT_PASSPHRASE": "x", "AGENT_PASSPHRASE_FILE": PASSPHRASE_FILE},
                ["AGENT_PASSPHRASE"],
            ),
            ({"AGENT_KEYFILE": "/nowhere/key.json", "AGENT_PASSPHRASE": "x"}, ["AGENT_KEYFILE"]),
            ({"AGENT_KEYFILE": "/tmp", "AGENT_PASSPHRASE": "x"}, ["AGENT_KEYFILE"]),
            ({"AGENT_KEYFILE": KEYFILE, "AGENT_PASSPHRASE_FILE": "/nowhere/pass"}, ["AGENT_PASSPHRASE_FILE"]),
            ({"AGENT_PASSPHRASE": "x"}, ["AGENT_PASSPHRASE"]),
            ({"AGENT_PASSPHRASE_FILE": PASSPHRASE_FILE}, ["AGENT_PASSPHRASE_FILE"]),
            ({"AGENT_KMS_KEY": ARN, "AGENT_PASSPHRASE": "x"}, ["AGENT_PASSPHRASE"]),
            ({"AGENT_KEY": KEY[1:]}, ["AGENT_KEY"]),
            ({"AGENT_KEY": "0y" + KEY}, ["AGENT_KEY"]),
            ({"AGENT_KEY": "two words"}, ["AGENT_KEY", "AGENT_KEY"]),
            ({"AGENT_KEY": KEY[1:], "OPERATOR_KMS_KEY": "x"}, ["AGENT_KEY", "OPERATOR_KMS_KEY"]),
        ],
    )
    def test_is_named_and_not_quoted(self, environment: Environment, values: dict[str, str], named: list[str]) -> None:
        files = {KEYFILE: environment.keyfile, PASSPHRASE_FILE: environment.passphrase_file}
        told = environment.told(production=False, **{name: files.get(value, value) for name, value in values.items()})
        assert [problem.split()[0] for problem in told] == [f"CHAIN_SIGNER_{name}" for name in named]
        assert not [value for value in values.values() if len(value) > 1 and value in " ".join(told)]

    @pytest.mark.parametrize("known", [{"has_kms": False}, {"region": ""}])
    def test_is_a_key_of_kms_where_no_kms_is_known(self, environment: Environment, known: dict[str, str]) -> None:
        for name in (ARN, "00000000-0000-0000-0000-000000000001"):
            assert environment.told(AGENT_KMS_KEY=name, **known) == [  # type: ignore[arg-type]
                "CHAIN_SIGNER_AGENT_KMS_KEY must be unset where no KMS is known: AWS_KMS_KEY_ID and its region"
            ]
