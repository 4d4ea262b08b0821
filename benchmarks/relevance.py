"""How good are the lists? A shop's own recommendations beside simple reference methods, on real purchases.

    python benchmarks/relevance.py [--cut 2017-10-02] [--horizon 28] [--customers N] | [--bench FOLDER]
                                   [--orders N [--draw K]] [--tasks t1,t2] [--heavy] [--database URL] [--keep FOLDER]

Hides what was bought from the cut on (`bench.py` says exactly what is asked), writes what lies before it into a scratch
Oscar shop (`scratch_shop.py`), trains there as of the cut, asks through the shop's own doors, and compares the lists
with what the customers bought next; so it does with the methods of `reference_methods.py`, in the same run.

Without `--bench`, the purchases are The Complete Journey's, which the `demo` extra brings; `--customers` makes the shop
smaller: so many customers with all that they bought; `--orders` makes it young: about so many orders, six of each
customer, and `--draw` draws other customers. `--bench` names a folder with any other shop's, in the layout that
`bench.py` describes. `--heavy` adds references that take gigabytes. `--database` names an empty database; without it,
SQLite in a temporary folder. `--keep` leaves the lists in a folder, as CSV files by the bench's own numbers.

Every step is a process of its own with one thread. Of the shop, CPU is that of the whole process, with Django's start
and the reading of the database; of a reference method it is the arithmetic only, on arrays that are there already, and
of listing the writing, too. Peak memory is that of the largest process of a method.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

QUESTIONS = {
    "t1": "home: the next basket",
    "t1n": "home: what is new to them in it",
    "t1w": "home: all within the horizon",
    "t2": "basket: the rest of it",
    "t2a": "basket: the rest of it, not knowing whose it is",
    "t3": "navigation: the categories of the next basket",
    "t4": "listing: what they buy from it",
}
HOME = "--surface home --customers all --top 100"
BASKET = "--surface basket --baskets {asked} --top 100"
EXPORTS = {
    "t1": HOME,
    "t1n": f"{HOME} --new-only",
    "t1w": HOME,
    "t2": BASKET,
    "t2a": BASKET,
    "t3": "--surface navigation --customers all --top 100",
    "t4": "--rerank {asked}",
}
"""The options of `personalization_export` for each task."""

OF_A_USER = ("t1", "t1n", "t1w", "t3", "t4")
YARDSTICK = "item-cosine"
"""The method whose training cost the shop's is compared with."""
REFERENCES = {
    "bestsellers": tuple(QUESTIONS),
    "decayed-frequency": OF_A_USER,
    "tifu-knn": OF_A_USER,
    YARDSTICK: ("t1n",),
    "basket-cosine": ("t2", "t2a"),
    "basket-pairs": ("t2a",),
    "recency-and-cosine": ("t2",),
}
"""The reference methods by name, and their tasks."""
HEAVY = {"ease": ("t1n",)}
MEASURES = ("NDCG@10", "recall@5", "recall@10", "hit rate", "MRR")


@dataclass(frozen=True)
class Cost:
    """The cost of a process."""

    cpu: float
    """Seconds, in user code and in the system."""
    peak_mib: float
    said: str
    """The standard output."""


@dataclass(frozen=True)
class Method:
    """The cost of a method."""

    seconds: dict[str, tuple[float, float]]
    """CPU by task: for learning, and for listing."""
    peak_mib: float


def run(what: str, *command: str, **environment: str) -> Cost:
    """Runs Python with these arguments in a process of its own; exits when it fails."""
    print(f"{what} ...", file=sys.stderr, end=" ", flush=True)
    begun = time.monotonic()
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    everything = {**os.environ, **threads, **environment, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=everything, stdout=output)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read()
    if child.returncode:
        sys.exit(f"{what} failed: {' '.join(command)} ended with {child.returncode}.\n{said}")
    print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / unit, said)


def compare(folder: Path, options: argparse.Namespace) -> None:
    """Bench, shop, training, exports, references, scores; then the table.

    This process stays small: Linux counts a parent's memory at the start of a child as the child's peak.
    """
    bench, lists = options.bench or folder / "bench", folder / "lists"
    lists.mkdir()
    if not options.bench:
        size = ("--customers", str(options.customers)) if options.customers else ()
        size += ("--orders", str(options.orders), "--draw", str(options.draw)) if options.orders else ()
        run("Bench", "-m", "benchmarks.bench", str(bench), "--cut", options.cut, "--horizon", options.horizon, *size)
    meta = json.loads((bench / "meta.json").read_text())
    tasks = [task for task in options.tasks if meta["queries"].get(task)]
    as_of = ("--as-of", datetime.fromisoformat(meta["cut"]).isoformat())
    methods = {"shop": the_shop(folder, bench, tasks, as_of, options.database)}
    run("Translation", "-m", "benchmarks.translation", str(bench), str(folder), str(lists))
    for name, its_tasks in (REFERENCES | (HEAVY if options.heavy else {})).items():
        asked = [task for task in its_tasks if task in tasks or name == YARDSTICK]
        if asked:
            methods[name] = reference(name, bench, lists, asked)
    scores = run("Scores", "-m", "benchmarks.scores", str(bench), str(lists))
    if options.keep:
        shutil.copytree(lists, options.keep, dirs_exist_ok=True)
    print_table([json.loads(line) for line in scores.said.splitlines()], methods, tasks)


def the_shop(folder: Path, bench: Path, tasks: list[str], as_of: tuple[str, str], database: str) -> Method:
    """Loads a shop, trains it and exports its lists by management commands."""
    place = {
        "DJANGO_SETTINGS_MODULE": "example_shop.settings",
        "DATABASE_URL": database,
        "SHOP_DATA": str(folder),
        "SHOP_DEBUG": "0",
    }
    run("Shop", "-m", "benchmarks.scratch_shop", str(bench), str(folder), "--tasks", ",".join(tasks), **place)
    quiet = (*as_of, "--verbosity", "0")
    training = run("Training", "manage.py", "personalization_train", *quiet, **place)
    exports: dict[str, tuple[Path, Cost]] = {}
    seconds = {}
    for task in tasks:
        words = EXPORTS[task].format(asked=folder / f"asked.{task}.csv")
        file = folder / f"export.{task}.csv"
        if words in exports:
            shutil.copyfile(exports[words][0], file)
        else:
            command = ("manage.py", "personalization_export", *words.split(), str(file), *quiet)
            exports[words] = file, run(f"Export of {task}", *command, **place)
        seconds[task] = training.cpu, exports[words][1].cpu
    return Method(seconds, max(cost.peak_mib for cost in (training, *(cost for _, cost in exports.values()))))


def reference(name: str, bench: Path, lists: Path, tasks: list[str]) -> Method:
    command = ("-m", "benchmarks.reference_methods", name, str(bench), str(lists), "--tasks", ",".join(tasks))
    cost = run(f"Reference {name}", *command)
    return Method(json.loads(cost.said), cost.peak_mib)


def print_table(scores: list[dict], methods: dict[str, Method], tasks: list[str]) -> None:
    """A line for each method under each task; at the end what training costs beside the usual first thing to train."""
    print(f"{'':22}{''.join(f'{name:>14}' for name in MEASURES)}{'CPU s':>16}{'MiB':>7}")
    print(f"{'':22}{'':70}{'learn + list':>16}{'peak':>7}")
    for task in tasks:
        of_task = {score["method"]: score for score in scores if score["task"] == task}
        print(f"{task}: {QUESTIONS[task]} ({of_task['shop']['asked']:,} questions)")
        for name, method in methods.items():
            if name in of_task and task in method.seconds:
                print_line(name, of_task[name], method, task)
    training, usual = (next(iter(methods[name].seconds.values()))[0] for name in ("shop", YARDSTICK))
    library = "implicit" if find_spec("implicit") else "scipy"
    ratio = f"{training / usual:.1f} times the {usual:.1f} s of {YARDSTICK} ({library})"
    print(f"The shop's training takes {training:.1f} CPU s, with all that it reads and writes: {ratio}.")


def print_line(name: str, score: dict, method: Method, task: str) -> None:
    mark, label = (">", "this shop") if name == "shop" else (" ", name)
    means = "".join(f"{'{:.4f}±{:.4f}'.format(*score[measure]):>14}" for measure in MEASURES)
    cpu = "{:.1f} + {:.1f}".format(*method.seconds[task])
    print(f"{mark} {label:20}{means}{cpu:>16}{method.peak_mib:>7.0f}")
    if score["without"]:
        print(f"  {'':20}{score['without']:>10,} of them without any list")


def known_tasks(names: str) -> list[str]:
    """The tasks of `--tasks`."""
    tasks = [name for name in QUESTIONS if name in names.split(",")]
    unknown = set(names.split(",")) - set(tasks)
    if unknown:
        raise argparse.ArgumentTypeError(f"no task {', '.join(sorted(unknown))}; there are: {', '.join(QUESTIONS)}")
    return tasks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cut", default="2017-10-02", help="a day of 2017")
    parser.add_argument("--horizon", default="28", help="in days")
    parser.add_argument("--customers", type=int, help="default: all 2,469")
    parser.add_argument("--orders", type=int, help="a young shop of about so many orders")
    parser.add_argument("--draw", type=int, default=1, help="another number draws another young shop")
    parser.add_argument("--bench", type=Path, metavar="FOLDER", help="says cut, horizon and customers itself")
    parser.add_argument("--tasks", type=known_tasks, default=list(QUESTIONS))
    parser.add_argument("--heavy", action="store_true")
    parser.add_argument("--database", default="", metavar="URL", help="postgres://user@host:port/name, empty")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    options.bench = options.bench and options.bench.resolve()
    with tempfile.TemporaryDirectory(prefix="relevance-") as folder:
        compare(Path(folder), options)


if __name__ == "__main__":
    main()
