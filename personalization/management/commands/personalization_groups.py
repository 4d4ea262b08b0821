"""Creates the ready-made groups of staff: `manage.py personalization_groups`."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

GROUPS = {
    "Merchandisers": (
        "view_reports",
        "change_rows",
        "change_segments",
        "change_campaigns",
        "publish_campaigns",
        "preview_as",
        "run_experiments",
    ),
    "Marketing": (
        "view_reports",
        "change_segments",
        "change_campaigns",
        "preview_as",
        "view_customer",
        "change_messages",
        "send_messages",
    ),
}
"""What each group may do. Whatever else it was given stays."""


class Command(BaseCommand):
    """May be repeated: adds what is missing and takes nothing away."""

    help = "Creates the groups Merchandisers and Marketing with permissions for the dashboard. May be repeated."

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        for name, codenames in GROUPS.items():
            sentence = _complete_group(name, codenames)
            if verbosity:
                self.stdout.write(sentence)
        if verbosity:
            self.stdout.write("Members need “staff status”, too.")


@transaction.atomic
def _complete_group(name: str, codenames: tuple[str, ...]) -> str:
    permissions = list(Permission.objects.filter(content_type__app_label="personalization", codename__in=codenames))
    if missing := set(codenames) - {permission.codename for permission in permissions}:
        raise CommandError(f"Missing permissions: {', '.join(sorted(missing))}. Run `manage.py migrate` first.")
    group, is_new = Group.objects.get_or_create(name=name)
    held = set(group.permissions.values_list("pk", flat=True))
    added = sorted(permission.codename for permission in permissions if permission.pk not in held)
    group.permissions.add(*permissions)
    if is_new:
        return f"{name}: created, may {', '.join(added)}."
    return f"{name}: was given {', '.join(added)}." if added else f"{name}: unchanged."
