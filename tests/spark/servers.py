"""A standalone Spark that a test starts for itself: a master and two workers, ended by their process ids."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark

from tests.faults.servers import free_port, wait_for

OWN_MACHINE_ONLY = {
    "SPARK_LOCAL_IP": "127.0.0.1",
    "PYSPARK_SUBMIT_ARGS": "--conf spark.sql.shuffle.partitions=4 --driver-memory 1g --conf spark.executor.memory=600m "
    "pyspark-shell",
}
SPARK_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"
DEPLOY = "org.apache.spark.deploy"


@contextmanager
def spark_server(name: str, folder: Path, port: int, *options: str) -> Iterator[subprocess.Popen]:
    environment = {**os.environ, "SPARK_WORKER_DIR": str(folder / "work")}
    command = [str(SPARK_CLASS), f"{DEPLOY}.{name}", "--host", "127.0.0.1", "--port", str(port), *options]
    with (folder / f"{name}-{port}.log").open("w") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_for(port, server)
        yield server
    finally:
        server.kill()
        server.wait()


@contextmanager
def spark_cluster(folder: Path) -> Iterator[str]:
    """The address of a master with two workers, of one core each."""
    port = free_port()
    master = f"spark://127.0.0.1:{port}"
    with ExitStack() as running:
        running.enter_context(spark_server("master.Master", folder, port, "--webui-port", str(free_port())))
        for _ in range(2):
            options = ["--webui-port", str(free_port()), "--cores", "1", "--memory", "1g", master]
            running.enter_context(spark_server("worker.Worker", folder, free_port(), *options))
        log = folder / f"master.Master-{port}.log"
        until = time.monotonic() + 120
        while log.read_text().count("Registering worker") < 2:
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield master
