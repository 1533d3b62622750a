"""The container files, read as their tools read them."""

import json
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile: COPY, and its words."""

    name: str
    words: tuple[str, ...]

    @property
    def flags(self) -> dict[str, str]:
        pairs = (word.removeprefix("--").partition("=") for word in self.words if word.startswith("--"))
        return {name: value for name, _, value in pairs}

    @property
    def arguments(self) -> tuple[str, ...]:
        return tuple(word for word in self.words if not word.startswith("--"))


@dataclass
class Stage:
    """From one FROM to the next."""

    image: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        return [one for one in self.instructions if one.name == name]

    def last(self, name: str) -> Instruction:
        return self.all(name)[-1]


def stages() -> list[Stage]:
    """The stages of the Dockerfile."""
    found: list[Stage] = []
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    for line in (line.strip() for line in lines):
        if not line or line.startswith("#"):
            continue
        name, _, rest = line.partition(" ")
        if name == "FROM":
            image, _, stage = rest.partition(" AS ")
            found.append(Stage(image, stage))
        else:
            found[-1].instructions.append(Instruction(name, _words(rest)))
    return found


def _words(rest: str) -> tuple[str, ...]:
    text = rest.strip()
    return tuple(json.loads(text)) if text.startswith("[") else tuple(shlex.split(text))


def command_after(instruction: Instruction) -> list[str]:
    """The exec form after HEALTHCHECK's flags and CMD."""
    return list(json.loads(" ".join(instruction.words[instruction.words.index("CMD") + 1 :])))


def compose() -> dict[str, Any]:
    """The compose file, merged."""
    return dict(YAML(typ="safe", pure=True).load(ROOT / "compose.yaml"))


def tracked() -> set[str]:
    """Every file of the project that is in its history, and each folder of one."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return {str(part) for name in listed for part in (Path(name), *Path(name).parents)}
