"""Servers that a test starts for itself on a free port, and ends by their process id."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_for(port: int, process: subprocess.Popen) -> None:
    """Returns as soon as somebody listens there."""
    deadline = time.monotonic() + 60
    while not answers(port):
        assert process.poll() is None, "the server ended"
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.02)


@contextmanager
def pgbouncer(database: dict) -> Iterator[int]:
    """A pooler in transaction mode that gives each transaction another connection; its port."""
    program, port = shutil.which("pgbouncer") or "", free_port()
    target = f"host={database['HOST']} port={database['PORT'] or 5432} user={database['USER']}"
    lines = [
        "[databases]",
        f"* = {target}",
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = any",
        "pool_mode = transaction",
        "min_pool_size = 3",
        "server_round_robin = 1",
    ]
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # TMPDIR may be below what only its owner may read
        Path(folder).chmod(0o755)
        settings_file = Path(folder) / "pgbouncer.ini"
        settings_file.write_text("\n".join(lines))
        user = "nobody" if os.getuid() == 0 else None  # it refuses to be root
        with subprocess.Popen([program, "-q", str(settings_file)], user=user) as process:
            try:
                wait_for(port, process)
                yield port
            finally:
                process.kill()


class Redis:
    """A Redis that keeps nothing on disk, can be frozen, and can die and come back."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self.process = subprocess.Popen([*command, "--dir", str(self._folder)], stdout=subprocess.DEVNULL)
        wait_for(self.port, self.process)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    @contextmanager
    def running(self) -> Iterator["Redis"]:
        self.start()
        try:
            yield self
        finally:
            self.stop()

    @contextmanager
    def dead(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)
