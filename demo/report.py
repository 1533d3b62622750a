"""What the demo prints and writes down."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

Facts = dict[str, Any]
WIDTH = 132


class Report:
    """Runs steps in order, shows each as it ends, and keeps what they found."""

    def __init__(self, file: Path) -> None:
        self._file = file
        # Hashes stay whole: a line is never narrower than the table needs.
        self._console = Console(highlight=False, width=max(WIDTH, Console().width))
        self.steps: list[Facts] = []

    def say(self, text: str) -> None:
        """A line of its own."""
        self._console.print(text)

    def step(self, name: str, act: Callable[[], Facts]) -> bool:
        """Run one step; true if it succeeded. A failure is shown and ends the demo, with a non-zero exit."""
        began = time.monotonic()
        with self._console.status(name):
            try:
                facts: Facts = {"ok": True, **act()}
            except Exception as error:  # noqa: BLE001 (whatever went wrong is shown)
                facts = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        found = {"name": name, "ok": facts.pop("ok"), "seconds": round(time.monotonic() - began, 1), **facts}
        self.steps.append(found)
        mark = "[green]✔[/]" if found["ok"] else "[red]✘[/]"
        what = found.get("said") or found.get("error", "")
        self._console.print(f"{mark} [bold]{escape(name)}[/] [dim]{found['seconds']:.1f} s[/]  {escape(str(what))}")
        self._write()
        return bool(found["ok"])

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps({"steps": self.steps}, indent=2) + "\n")

    def close(self, expected: int) -> bool:
        """Print the table; true if every step ran and succeeded."""
        title = "Bookentry: one security, from issue to proof"
        table = Table(title=title, title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
        for heading, justify in (("step", "left"), ("", "center"), ("s", "right"), ("evidence", "left")):
            table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
        for step in self.steps:
            evidence = "\n".join(escape(line) for line in step.get("evidence", [])) or escape(step.get("error", ""))
            table.add_row(
                step["name"], "[green]✔[/]" if step["ok"] else "[red]✘[/]", f"{step['seconds']:.1f}", evidence
            )
        self._console.print(table)
        done = sum(step["ok"] for step in self.steps)
        seconds = sum(step["seconds"] for step in self.steps)
        whole = done == len(self.steps) == expected
        verdict = "[green]all steps ok[/]" if whole else f"[red]{done} of {expected} steps ok[/]"
        self._console.print(f"{verdict} in {seconds:.0f} s; written to {os.path.relpath(self._file)}")
        return whole
