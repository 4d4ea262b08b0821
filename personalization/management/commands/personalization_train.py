"""Learns from the shop's history: `manage.py personalization_train`."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from personalization.profile import genome
from personalization.train.lock import Busy
from personalization.train.run import Summary, train


class Command(BaseCommand):
    """Reads the orders, publishes a snapshot, and works out every customer's genome."""

    help = "Learns from the shop's orders which products go together, and what each customer likes. Run it daily."

    def handle(self, *args: Any, **options: Any) -> None:
        silent = options["verbosity"] == 0

        def progress(stream: Any, what: str, length: int) -> Any:
            hidden = True if silent else None  # None: hidden unless someone looks at a terminal
            return tqdm(stream, desc=what, total=length, disable=hidden, file=self.stderr, leave=False)

        try:
            snapshot = train(progress=progress)
        except Busy:
            raise CommandError("Another training run is under way; nothing was changed.") from None
        customers = genome.sweep(time.time(), lambda batches: progress(batches, "Customers", len(batches)))
        if not silent:
            self.stdout.write(f"Snapshot {snapshot} serves: {Summary(**snapshot.summary)}; {customers} genomes.")
