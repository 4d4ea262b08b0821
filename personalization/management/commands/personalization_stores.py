"""Lists stores, and says where they are: `manage.py personalization_stores main --time-zone Europe/Berlin`."""

from argparse import ArgumentParser, BooleanOptionalAction
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from personalization.models import Store
from personalization.shop.stores import Partner


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

        parser.add_argument(
            "--partner", help="code of the partner whose stock records say what lies there; '' for none"
        )

    def handle(self, *args: Any, code: str | None, **options: Any) -> None:
        """Changes a store, then lists all of them."""
        if code is not None:
            changes = {key: options[key] for key in ("name", "country", "time_zone", "click_and_collect", "partner")}
            self.change_store(code, {key: value for key, value in changes.items() if value is not None})
        for store in Store.objects.select_related("partner").order_by("code"):
            fetched = "click and collect" if store.click_and_collect else ""
            stocked = f"stock of {store.partner.code}" if store.partner else ""
            columns = [store.code, store.name, store.country, str(store.zone), fetched, stocked]
            self.stdout.write("  ".join(filter(None, columns)))

    def find_partner(self, code: str) -> Any:
        """The partner of this code; None for none. CommandError, which names those that there are."""
        codes = list(Partner.objects.values_list("code", flat=True))
        if code and code not in codes:
            raise CommandError(f"There is no partner {code!r}. There are: {', '.join(codes) or 'none yet'}")
        return Partner.objects.get(code=code) if code else None

    def change_store(self, code: str, changes: dict[str, Any]) -> None:
        """Adds the store of this code, or changes it. CommandError for a value that cannot be."""
        store = Store.objects.by_code([code]).get(code) or Store(code=code, name=code)
        if "partner" in changes:
            changes = {**changes, "partner": self.find_partner(changes["partner"])}
        for key, value in changes.items():
            setattr(store, key, value)
        try:
            store.full_clean()
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        store.save()
