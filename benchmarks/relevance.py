"""How good are the lists? The shop's own home page beside simple reference methods, on a real year of purchases.

    python benchmarks/relevance.py [--cut 2017-10-02] [--horizon 28] [--tasks t1,t1n,t1w]
                                   [--customers N] [--database URL] [--keep FOLDER]

Hides what was bought from the cut on (`bench.py` says exactly what is asked), writes what lies before it into a scratch
Oscar shop (`scratch_shop.py`), trains there, exports every customer's home page, and compares its first ten products
with what the customers bought next; so it does with the methods of `reference_methods.py`, in the same run.

Needs the `demo` extra; takes about four minutes and 400 MB of disk. `--customers` makes the shop smaller: so many
customers with all that they bought. `--database` names an empty database; without it, SQLite in a temporary folder.
`--keep` leaves the lists in a folder, as CSV by the source's own numbers.

Every step is a process of its own with one thread. Of the shop, CPU is that of the whole process, with Django's start
and the reading of the database; of a reference method it is the arithmetic only, on arrays that are there already.
Peak memory is that of the largest process of a method.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

SHOP = "this shop"
REFERENCES = ("bestsellers", "decayed-frequency", "tifu-knn")
QUESTIONS = {"t1": "the next basket", "t1n": "what is new to them in it", "t1w": "all within the horizon"}


@dataclass(frozen=True)
class Cost:
    """What a process took, from its start to its end."""

    cpu: float
    """Seconds, in user code and in the system."""
    peak_mib: float
    said: str
    """Its standard output."""


@dataclass(frozen=True)
class Entry:
    """A method in the comparison. Its lists lie in `<files>.csv`, those of new products in `<files>.new.csv`."""

    name: str
    files: str
    learning: float
    """CPU seconds."""
    listing: dict[bool, float]
    """CPU seconds for everyone's list, by whether it holds new products only."""
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


def compare(folder: Path, options: argparse.Namespace) -> list[Entry]:
    """Makes everyone's lists in the folder: bench, shop, training, export, references.

    This process stays small meanwhile: Linux counts a parent's memory at the start of a child as the child's peak.
    """
    cut = ("--cut", options.cut)
    size = ("--customers", str(options.customers)) if options.customers else ()
    run("Bench", "-m", "benchmarks.bench", str(folder), *cut, "--horizon", str(options.horizon), *size)
    entries = [the_shop(folder, cut, options.database, new=[task == "t1n" for task in options.tasks])]
    for name in REFERENCES:
        cost = run(f"Reference {name}", "-m", "benchmarks.reference_methods", name, str(folder), *cut)
        learning, all_, new = json.loads(cost.said)
        entries.append(Entry(name, name, learning, {False: all_, True: new}, cost.peak_mib))
    return entries


def the_shop(folder: Path, cut: tuple[str, str], database: str, new: list[bool]) -> Entry:
    """Loads, trains and exports a shop through the doors that every shop has."""
    place = {
        "DJANGO_SETTINGS_MODULE": "example_shop.settings",
        "DATABASE_URL": database,
        "SHOP_DATA": str(folder),
        "SHOP_DEBUG": "0",
    }
    run("Shop", "-m", "benchmarks.scratch_shop", str(folder), *cut, **place)
    training = run("Training", "manage.py", "personalization_train", "--verbosity", "0", **place)
    costs, listing = [training], {}
    for new_only in sorted(set(new)):
        file = folder / f"shop.{'new.' if new_only else ''}csv"
        wanted = ["--surface", "home", "--customers", "all", "--top", "100", *["--new-only"] * new_only]
        name = "Export of new products" if new_only else "Export"
        costs.append(run(name, "manage.py", "personalization_export", *wanted, "--verbosity", "0", str(file), **place))
        listing[new_only] = costs[-1].cpu
    return Entry(SHOP, "shop", training.cpu, listing, max(cost.peak_mib for cost in costs))


def report(folder: Path, entries: list[Entry], tasks: list[str], keep: Path | None) -> None:
    """Prints the table; with `keep`, writes the lists there."""
    import pandas as pd  # noqa: PLC0415 - see compare(): not before the last child has ended

    from benchmarks.bench import LISTED, Bench, interval, measured  # noqa: PLC0415

    bench = Bench.load(folder)
    keys = {
        column: pd.read_csv(folder / f"shop_{column}s.csv", index_col="key")["number"]
        for column in ("customer", "product")
    }
    width = 18
    print(f"{'':{width + 2}}{'NDCG@10':>14}{'recall@10':>14}{'hit rate':>14}{'n':>7}{'CPU s':>16}{'MiB':>7}")
    print(f"{'':{width + 2}}{'':42}{'':7}{'learn + list':>16}{'peak':>7}")
    for task in tasks:
        print(f"{task}: {QUESTIONS[task]}")
        answers, new_only = bench.answers(task), task == "t1n"
        owned = bench.owned() if new_only else None
        for entry in entries:
            lists = pd.read_csv(folder / f"{entry.files}{'.new' if new_only else ''}.csv")
            if entry.name == SHOP:
                lists = lists.assign(**{column: lists[column].map(keys[column]) for column in keys})
            lists = lists[lists["rank"] < LISTED]
            if keep:
                lists.to_csv(keep / f"{entry.files}.{task}.csv", index=False)
            values = measured(lists, answers, owned)
            means = "".join(f"{f'{values[name].mean():.4f}±{interval(values[name]):.4f}':>14}" for name in values)
            cpu = f"{entry.learning:.1f} + {entry.listing[new_only]:.1f}"
            mark = ">" if entry.name == SHOP else " "
            print(f"{mark} {entry.name:{width}}{means}{len(values):>7}{cpu:>16}{entry.peak_mib:>7.0f}")
            without = len(answers.keys() - set(lists["customer"]))
            if without:
                print(f"  {'':{width}}  {without} of them without any list")


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
    parser.add_argument("--horizon", type=int, default=28, help="in days")
    parser.add_argument("--tasks", type=known_tasks, default=list(QUESTIONS))
    parser.add_argument("--customers", type=int, help="default: all 2,469")
    parser.add_argument("--database", default="", metavar="URL", help="postgres://user@host:port/name, empty")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="relevance-"))
    try:
        report(folder, compare(folder, options), options.tasks, options.keep)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
