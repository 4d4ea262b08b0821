"""The steps from an empty folder to a personalised shop. Each can tell whether it is done, and can be repeated."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max
from django.utils.timezone import now

from example_shop import view_as
from example_shop.journey import Journey, definitions, gallery, load, messages, people, search_index, source, visits
from personalization.models import Snapshot, snapshot_files

Progress = Callable[[int, str], AbstractContextManager]
"""Opens a progress bar for a number of things and their name."""


@dataclass(frozen=True)
class Step:
    title: str
    is_done: Callable[[], bool]
    do: Callable[[Progress], None]


class Setup:
    """The steps of one size, and the journey that they share: read once, and only when a step needs it."""

    def __init__(self, size: str) -> None:
        self.size = size

    def steps(self) -> list[Step]:
        return [
            Step("Create the tables", tables_are_there, create_tables),
            Step("Read a year of baskets", self.nothing_to_read, self.read),
            Step("Fill the shop and its order book", self.is_loaded, self.load),
            Step("Draw the products", self.pictures_hang, self.hang_pictures),
            Step("Build the search index", search_index.is_complete, build_index),
            Step("Learn from the orders", self.is_trained, train),
            Step("Pick people to view the shop as", self.people_are_picked, self.pick_people),
            Step("Define segments and campaigns", definitions.are_defined, define),
            Step("Make up four weeks of visits", visits.are_made, make_visits),
            Step("Make up a week of messages", messages.messages_are_made, make_messages),
        ]

    def is_done(self) -> bool:
        """Whether the shop can open. Steps are checked in order, since each needs what an earlier one created."""
        return all(step.is_done() for step in self.steps())

    def days_since_the_last_order(self) -> int:
        return (now() - load.Order.objects.aggregate(last=Max("date_placed"))["last"]).days

    @cached_property
    def journey(self) -> Journey:
        yesterday = now().date() - timedelta(days=1)
        return source.shift_journey(source.read_journey(self.size), yesterday)

    def nothing_to_read(self) -> bool:
        return self.is_loaded() and self.pictures_hang() and self.people_are_picked()

    def read(self, progress: Progress) -> None:
        _ = self.journey

    def is_loaded(self) -> bool:
        return load.loaded_size() == self.size

    def load(self, progress: Progress) -> None:
        view_as.delete_people()
        search_index.clear_index()
        with progress(len(self.journey.lines), "order lines") as bar:
            load.load_journey(self.journey, self.size, bar.update)

    def pictures_hang(self) -> bool:
        return gallery.is_complete(load.Product.objects.count())

    def hang_pictures(self, progress: Progress) -> None:
        with progress(len(self.journey.products), "pictures") as bar:
            gallery.draw_pictures(self.journey, bar.update)

    def is_trained(self) -> bool:
        """Whether a snapshot is active and its run was complete: people are chosen after it."""
        serving = Snapshot.objects.active().first()
        return bool(serving and serving.name in snapshot_files.stored_snapshots() and self.people_are_picked())

    def people_are_picked(self) -> bool:
        return view_as.people_chosen_for() == self._shop

    def pick_people(self, progress: Progress) -> None:
        view_as.save_people(people.choose_people(self.journey), self._shop)

    @property
    def _shop(self) -> str:
        return f"{self.size} in {connection.settings_dict['NAME']}"


def _missing_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def tables_are_there() -> bool:
    return _missing_migrations() == 0


def create_tables(progress: Progress) -> None:
    with progress(_missing_migrations(), "migrations") as bar:
        call_command("migrate", stdout=_Applied(bar.update), no_color=True)


class _Applied(io.StringIO):
    """Output for Django's `migrate`, which reports its progress only by printing OK after each migration."""

    def __init__(self, wrote: Callable[[int], object]) -> None:
        super().__init__()
        self._wrote = wrote

    def write(self, text: str) -> int:
        self._wrote(text.startswith(" OK"))
        return len(text)


def build_index(progress: Progress) -> None:
    with progress(load.Product.objects.count(), "products") as bar:
        search_index.build_index(bar.update)


def define(progress: Progress) -> None:
    definitions.define()


def make_visits(progress: Progress) -> None:
    visits.make_visits()


def make_messages(progress: Progress) -> None:
    messages.make_messages()


def train(progress: Progress) -> None:
    call_command("personalization_train", stdout=io.StringIO())
