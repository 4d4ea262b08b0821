"""Lists stores, and says where they are: `manage.py personalization_stores main --time-zone Europe/Berlin`."""

from argparse import ArgumentParser, BooleanOptionalAction
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from personalization.models import Store


class Command(BaseCommand):
    """An import adds the stores that it meets, called as their code is; here they get what else there is to say."""

    help = "Lists the shop's stores; with a code, adds that store or changes what the options name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code", nargs="?", help="as the tills name it")
        parser.add_argument("--name")
        parser.add_argument("--country", help="ISO code")
        parser.add_argument("--time-zone", help="for times without a zone, Europe/Berlin for instance")
        parser.add_argument(
            "--click-and-collect", action=BooleanOptionalAction, default=None, help="what was ordered is fetched there"
        )

    def handle(self, *args: Any, code: str | None, **options: Any) -> None:
        """Changes a store, then lists all of them."""
        if code is not None:
            changes = {key: options[key] for key in ("name", "country", "time_zone", "click_and_collect")}
            self.change_store(code, {key: value for key, value in changes.items() if value is not None})
        for store in Store.objects.order_by("code"):
            fetched = "click and collect" if store.click_and_collect else ""
            columns = [store.code, store.name, store.country, str(store.zone), fetched]
            self.stdout.write("  ".join(filter(None, columns)))

    def change_store(self, code: str, changes: dict[str, Any]) -> None:
        """Adds the store of this code, or changes it. CommandError for a value that cannot be."""
        store = Store.objects.by_code([code]).get(code) or Store(code=code, name=code)
        for key, value in changes.items():
            setattr(store, key, value)
        try:
            store.full_clean()
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        store.save()
