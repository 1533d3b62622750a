"""`.env.example` and the code name the same variables: neither promises nor hides one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.chain.types import SignerRole
from config import settings
from config.server import Web
from config.variables import Variables

ROOT = Path(__file__).resolve().parents[2]
# Not for an operator: what the frameworks and the shell set.
FOREIGN = {"DJANGO_SETTINGS_MODULE", "PATH"}
# The development servers read the servers' URLs as a whole; settings read each by name.
DEVSTACK = "apps/core/devstack/"


def sources() -> Iterator[Path]:
    for folder in ("apps", "config"):
        for file in (ROOT / folder).glob("**/*.py"):
            test = {"tests", "testing", "migrations"} & set(file.parts) or file.name == "testing.py"
            if not test and not str(file.relative_to(ROOT)).startswith(DEVSTACK):
                yield file


def asked_of_the_environment(tree: ast.Module) -> Iterator[ast.expr]:
    """The key of each `os.environ[key]`, `os.environ.get(key)` and `os.getenv(key)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            yield node.slice
        if isinstance(node, ast.Call) and re.fullmatch(r"os\.(environ\.\w+|getenv)", ast.unparse(node.func)):
            yield node.args[0]


def name(key: ast.expr, constants: dict[str, str]) -> str | None:
    """The variable's name."""
    return constants.get(key.id) if isinstance(key, ast.Name) else ast.literal_eval(key)


def read_outside_settings() -> set[str]:
    found = set()
    for file in sources():
        tree = ast.parse(file.read_text())
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        # A bare `name` is a loop or a reader over names that are literals elsewhere.
        found |= {known for key in asked_of_the_environment(tree) if (known := name(key, constants))}
    return found - FOREIGN


def documented() -> set[str]:
    text = (ROOT / ".env.example").read_text()
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", text, re.MULTILINE))


def described(variable: str) -> bool:
    """Whether comment lines stand above the variable, or above its neighbours."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if re.match(f"#?{variable}=", line))
    while re.match("#?[A-Z][A-Z0-9_]*=", lines[at]):
        at -= 1
    return lines[at].startswith("# ") and not lines[at].startswith("# ---")


def read_by_the_web_server() -> set[str]:
    Web.read(env := Variables())
    return env.names


def of_any_role(variable: str) -> str:
    """The chain's signers have variables of the same ending each: one of them stands for all."""
    return re.sub(f"CHAIN_SIGNER_({'|'.join(SignerRole.values)})_", "CHAIN_SIGNER_*_", variable)


READ = {
    of_any_role(name)
    for name in settings.env.names | {"DJANGO_DEBUG"} | read_outside_settings() | read_by_the_web_server()
}


class TestEnvExample:
    @pytest.mark.parametrize("variable", sorted(READ))
    def test_documents_each_variable_that_is_read(self, variable: str) -> None:
        assert variable in {of_any_role(written) for written in documented()}

    @pytest.mark.parametrize("variable", sorted(documented()))
    def test_describes_only_variables_that_are_read(self, variable: str) -> None:
        assert of_any_role(variable) in READ
        assert described(variable)

    def test_holds_no_secret(self) -> None:
        text = (ROOT / ".env.example").read_text()
        assert re.findall(r"^[^#\n].*", text, re.MULTILINE) == ["DJANGO_DEBUG=true"]
