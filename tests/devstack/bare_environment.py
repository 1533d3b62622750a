"""A machine with nothing on it: a Debian minbase system of its own, into which the checkout is cloned and set up.

`python -m tests.devstack.bare_environment` runs every case and prints its seconds. Needs root, debootstrap and a
network. Each case has its own process and mount namespaces, and no environment but PATH, HOME, LANG and the
machine's network settings; what it leaves running is seen, and then dies with the namespace.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.core.devstack.layout import CHECKOUT

DEBIAN = Path(os.environ.get("BARE_DEBIAN", "/var/tmp/bookentry-bare-debian"))
PACKAGES = "python3,python3-venv,make,git,ca-certificates"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
NETWORK_SETTINGS = (
    "PIP_CERT",
    "PIP_INDEX_URL",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_REGISTRY",
    "SSL_CERT_FILE",
    *PROXIES,
)

# Enters the system as a container runtime does: pivot_root, since user namespaces are refused inside a mere chroot.
ENTER = """
set -e
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mkdir -p .outside
pivot_root . .outside
exec chroot . sh -c '
umount -l /.outside
exec setpriv --reuid="$1" --regid="$1" --clear-groups sh -c "$2"' sh "$2" "$3"
"""

JOURNEY = """
set -e
now() { date +%s.%N; }
cd "$HOME"
git clone -q /srv/origin bookentry
cd bookentry
a=$(now); make setup >&2; b=$(now); make setup >&2; c=$(now)
.venv/bin/python -m apps.core.devstack start >&2; d=$(now)
.venv/bin/python - <<'PYTHON' >&2
import json, os, urllib.request
import psycopg2, redis
from apps.core.devstack import ensure
urls = ensure("dev")
for url in (urls.DATABASE_URL, urls.DATABASE_OWNER_URL):
    psycopg2.connect(url).close()
assert redis.from_url(urls.REDIS_URL).ping()
call = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
request = urllib.request.Request(urls.CHAIN_RPC_URL, json.dumps(call).encode(), {"Content-Type": "application/json"})
assert json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request))["result"] == "0x7a69"
print("all four addresses answer")
PYTHON
runs=$(sed -n 's/.*"run_as": "\\([a-z]*\\)".*/\\1/p' .local/dev/state.json)
e=$(now); make stop >&2; f=$(now)
programs() { for exe in /proc/[0-9]*/exe; do readlink "$exe" || true; done; }
left=$(programs | grep -cE 'postgres|valkey|anvil' || true)
node=$(test -x .local/node/bin/node && echo wheel || echo system)
echo "$a $b $c $d $e $f $left $runs $node"
"""


@dataclass(frozen=True)
class Case:
    """Who sets up, in which home folder (mode 0700 hides it from `nobody`), whether the system has Node, and as whom
    PostgreSQL is expected to run."""

    name: str
    user: int
    home: str
    mode: int
    node: bool
    runs_as: str


CASES = (
    Case("root, no node", 0, "srv/root", 0o755, node=False, runs_as="nobody"),
    Case("root in a private home, node", 0, "root", 0o700, node=True, runs_as="namespace"),
    Case("ordinary user, no node", 1000, "home/ada", 0o700, node=False, runs_as="self"),
    Case("ordinary user, node", 1000, "home/ada", 0o755, node=True, runs_as="self"),
    Case("user without a name", 1234, "home/number", 0o755, node=True, runs_as="namespace"),
)


def unavailable() -> str:
    """Return why this cannot run here, or an empty text."""
    if os.geteuid() != 0:
        return "only root can enter another system"
    if not DEBIAN.is_dir() and not shutil.which("debootstrap"):
        return "debootstrap is not installed"
    return ""


def prepare() -> None:
    """Make the Debian system once; later runs copy it."""
    if DEBIAN.is_dir():
        return
    with tempfile.TemporaryDirectory(dir=DEBIAN.parent) as folder:
        new = Path(folder) / "debian"
        argv = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(new)]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        new.rename(DEBIAN)


@contextmanager
def system(case: Case) -> Iterator[Path]:
    """Yield a copy of the bare system with the committed checkout at /srv/origin and an empty home."""
    prepare()
    with tempfile.TemporaryDirectory(dir=DEBIAN.parent, prefix="bookentry-bare-") as folder:
        root = Path(folder) / "system"
        subprocess.run(["cp", "-a", str(DEBIAN), str(root)], check=True)
        for file in ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt"):
            shutil.copyfile(Path("/") / file, root / file)
        subprocess.run(["git", "clone", "-q", "--bare", str(CHECKOUT), str(root / "srv" / "origin")], check=True)
        subprocess.run(["chown", "-R", str(case.user), str(root / "srv" / "origin")], check=True)
        home = root / case.home
        home.mkdir(parents=True, exist_ok=True)
        with (root / "etc" / "passwd").open("a") as passwd:
            passwd.write(f"ada:x:1000:1000::/{case.home}:/bin/sh\n")
        home.chmod(case.mode)
        os.chown(home, case.user, case.user)
        if case.node:
            _give_node(root)
        Path(folder).chmod(0o755)
        yield root


def _give_node(root: Path) -> None:
    """Copy this machine's Node: Debian's own is too old."""
    node = shutil.which("node")
    modules = Path(node or "/").resolve().parent.parent / "lib" / "node_modules" / "npm"
    if node is None or not modules.is_dir():
        raise RuntimeError("this machine has no Node to lend")
    shutil.copy(Path(node).resolve(), root / "usr" / "bin" / "node")
    shutil.copytree(modules, root / "usr" / "lib" / "node_modules" / "npm", symlinks=True)
    (root / "usr" / "bin" / "npm").symlink_to("../lib/node_modules/npm/bin/npm-cli.js")


def enter(root: Path, case: Case, script: str, *, network: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run a shell script inside as the case's user."""
    env = {name: os.environ[name] for name in NETWORK_SETTINGS if name in os.environ}
    env |= {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": f"/{case.home}"}
    env |= {"LANG": "C.UTF-8"}
    argv = ["unshare", "--mount", "--pid", "--fork", "--propagation=private", *([] if network else ["--net"])]
    argv += ["sh", "-c", ENTER, "sh", str(root), str(case.user), script]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=1200)


def run(case: Case) -> dict[str, Any]:
    """Return the seconds of each step, how many servers stop left, and as whom PostgreSQL ran."""
    with system(case) as root:
        done = enter(root, case, JOURNEY)
    if done.returncode:
        raise RuntimeError(f"{case.name}: exit {done.returncode}\n{done.stderr[-4000:]}")
    *moments, left, runs_as, node = done.stdout.split()
    a, b, c, d, e, f = map(float, moments)
    seconds = {"setup": b - a, "again": c - b, "start": d - c, "stop": f - e}
    return {name: round(value, 2) for name, value in seconds.items()} | {
        "left": int(left),
        "runs_as": runs_as,
        "node": node,
    }


if __name__ == "__main__":
    if reason := unavailable():
        sys.exit(reason)
    for one in CASES:
        print(json.dumps({"case": one.name, **run(one)}), flush=True)
