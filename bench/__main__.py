"""Run every benchmark, or those named: `python -m bench [NAME ...]`. One JSON line each; progress goes to stderr."""

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from types import ModuleType

from bench.measure import measure


def benchmarks() -> dict[str, ModuleType]:
    """All benchmark modules by their names."""
    import bench

    found = (importlib.import_module(f"bench.{info.name}") for info in pkgutil.iter_modules(bench.__path__))
    return {module.NAME: module for module in found if hasattr(module, "NAME")}


def chosen(name: str, known: Collection[str]) -> set[str]:
    """The benchmark of that name, or all of that room: `api` is every `api.*`."""
    return {one for one in known if one == name or one.startswith(f"{name}.")}


def main(names: list[str]) -> int:
    """0 if every benchmark asked for ran."""
    # Durable servers of their own: a benchmark with fsync off measures nothing.
    os.environ.setdefault("DJANGO_DEBUG", "true")
    os.environ["BOOKENTRY_PROFILE"] = "bench"
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    known = benchmarks()
    asked = {name: chosen(name, known) for name in names}
    if unknown := [name for name, found in asked.items() if not found]:
        print(f"no such benchmark: {', '.join(sorted(unknown))}. Known: {', '.join(sorted(known))}", file=sys.stderr)
        return 2
    found = sorted(set().union(*asked.values())) if asked else sorted(known)
    return measured(known[found[0]]) if len(found) == 1 else each_alone(found)


def measured(benchmark: ModuleType) -> int:
    """Run one benchmark here."""
    print(json.dumps(measure(benchmark, lambda text: print(text, file=sys.stderr, flush=True))), flush=True)
    return 0


def each_alone(names: Sequence[str]) -> int:
    """Run each in a process of its own: what one has started or imported is not the next one's."""
    return max(subprocess.run([sys.executable, "-m", "bench", name], check=False).returncode for name in names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
