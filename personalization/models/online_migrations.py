"""How migrations after the first one change tables that a shop is using: without making it wait.

    class Migration(migrations.Migration):
        atomic = False  # an index that is made beside the writers needs it
        dependencies = [("personalization", "0001_initial")]
        operations = [
            LockTimeout(),
            migrations.AddField("event", "channel", models.CharField(max_length=8, null=True)),
            AddIndexOnline("event", models.Index(fields=["channel"], name="personalization_event_channel")),
        ]

tests/architecture/test_migrations.py refuses others.
"""

from typing import Any

from django.db.migrations.operations import AddIndex, RunSQL

LOCK_SECONDS = 3


class AddIndexOnline(AddIndex):
    """On PostgreSQL an index that is made while others write; elsewhere one as ever. Django's own operation for it
    cannot be imported without a driver of PostgreSQL."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(schema_editor.connection.alias, self._model_of(app_label, to_state)):
            schema_editor.add_index(self._model_of(app_label, to_state), self.index, concurrently=True)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(schema_editor.connection.alias, self._model_of(app_label, from_state)):
            schema_editor.remove_index(self._model_of(app_label, from_state), self.index, concurrently=True)

    def _model_of(self, app_label: str, state: Any) -> Any:
        return state.apps.get_model(app_label, self.model_name)


class LockTimeout(RunSQL):
    """From here on the migration gives up rather than keeping the shop's queries waiting behind its own lock. It may be
    repeated then."""

    def __init__(self) -> None:
        super().__init__(f"SET lock_timeout = '{LOCK_SECONDS}s'", "SET lock_timeout = DEFAULT")

    def deconstruct(self) -> Any:
        return (type(self).__name__, [], {})

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
