"""Migrations after the first one change a shop's tables while it uses them: additive, and without long locks."""

from importlib import import_module
from pkgutil import iter_modules

import pytest
from django.db import connection, migrations, models
from django.db.migrations.migration import SwappableTuple
from django.db.migrations.state import ProjectState

from personalization import migrations as package
from personalization.models.online_migrations import LOCK_SECONDS, AddIndexOnline, LockTimeout

FIRST = "0001_initial"


def faults_of(migration):
    """What an upgrade of a busy shop, or the version before on the new tables, would not stand."""
    made = {one.name.lower() for one in migration.operations if isinstance(one, migrations.CreateModel)}
    faults = []
    for operation in migration.operations:
        name = type(operation).__name__
        model = getattr(operation, "model_name", getattr(operation, "name", "")).lower()
        if model in made or isinstance(operation, LockTimeout | AddIndexOnline | migrations.CreateModel):
            continue
        if isinstance(operation, migrations.AddField):
            field = operation.field
            if not (field.null or field.has_db_default() or field.many_to_many):
                faults.append(f"{name} {operation.name}: the version before cannot insert rows; null or db_default")
        elif isinstance(operation, migrations.AlterModelOptions | migrations.AlterModelManagers):
            continue
        elif isinstance(operation, migrations.RunPython):
            if migration.atomic or len(migration.operations) > 1:
                faults.append(f"{name}: rows are filled in batches, in a migration of their own with atomic = False")
        else:
            faults.append(f"{name}: not additive, or it locks the table while it works")
    only_new = all(isinstance(one, migrations.CreateModel | migrations.RunPython) for one in migration.operations)
    if not only_new and not isinstance(migration.operations[0], LockTimeout):
        faults.append("LockTimeout() does not come first")
    if migration.atomic and any(isinstance(one, AddIndexOnline) for one in migration.operations):
        faults.append("AddIndexOnline needs atomic = False")
    return faults


def later_migrations():
    names = sorted(module.name for module in iter_modules(package.__path__))
    assert names[0] == FIRST
    return [import_module(f"{package.__name__}.{name}").Migration for name in names[1:]]


def migration_of(*operations, atomic=True):
    return type("Migration", (migrations.Migration,), {"operations": list(operations), "atomic": atomic})


INDEX = models.Index(fields=["consent"], name="personalization_try_index")
GOOD = [
    migration_of(migrations.CreateModel("Tea", [("id", models.BigAutoField(primary_key=True))])),
    migration_of(LockTimeout(), migrations.AddField("event", "tea", models.IntegerField(null=True))),
    migration_of(LockTimeout(), migrations.AddField("event", "tea", models.IntegerField(db_default=0))),
    migration_of(LockTimeout(), AddIndexOnline("visitor", INDEX), atomic=False),
    migration_of(migrations.RunPython(migrations.RunPython.noop), atomic=False),
]
BAD = [
    (migration_of(migrations.AddField("event", "tea", models.IntegerField(null=True))), "LockTimeout"),
    (migration_of(LockTimeout(), migrations.AddField("event", "tea", models.IntegerField(default=0))), "db_default"),
    (migration_of(LockTimeout(), migrations.AddIndex("visitor", INDEX)), "locks the table"),
    (migration_of(LockTimeout(), AddIndexOnline("visitor", INDEX)), "atomic = False"),
    (migration_of(LockTimeout(), migrations.RemoveField("event", "value")), "not additive"),
    (migration_of(LockTimeout(), migrations.RenameField("event", "value", "worth")), "not additive"),
    (migration_of(LockTimeout(), migrations.AlterField("event", "value", models.TextField())), "not additive"),
    (migration_of(migrations.DeleteModel("Event")), "not additive"),
    (migration_of(migrations.RunPython(migrations.RunPython.noop)), "batches"),
]


def test_every_later_migration_can_run_in_a_busy_shop():
    assert {migration.__module__: faults for migration in later_migrations() if (faults := faults_of(migration))} == {}


@pytest.mark.parametrize("migration", GOOD)
def test_a_migration_that_adds_without_waiting_is_taken(migration):
    assert faults_of(migration) == []


@pytest.mark.parametrize(("migration", "word"), BAD)
def test_a_migration_that_stops_a_shop_is_refused(migration, word):
    assert any(word in fault for fault in faults_of(migration))


@pytest.mark.django_db(transaction=True)
def test_an_index_is_made_beside_the_writers_and_taken_back():
    state = ProjectState.from_apps(import_module("django.apps").apps)
    after = state.clone()
    operation = AddIndexOnline("visitor", INDEX)
    operation.state_forwards("personalization", after)

    def is_there():
        with connection.cursor() as cursor:
            return INDEX.name in connection.introspection.get_constraints(cursor, "personalization_visitor")

    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("personalization", editor, state, after)
    assert is_there()
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards("personalization", editor, after, state)
    assert not is_there()


@pytest.mark.django_db(transaction=True)
def test_a_migration_gives_up_rather_than_wait():
    state = ProjectState()
    with connection.schema_editor(atomic=False) as editor:
        LockTimeout().database_forwards("personalization", editor, state, state)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SHOW lock_timeout")
                assert cursor.fetchone() == (f"{LOCK_SECONDS}s",)
        LockTimeout().database_backwards("personalization", editor, state, state)


def test_the_first_migration_needs_no_newer_oscar_than_the_app_does():
    """`makemigrations` names the newest migration that is installed; Oscar 4.1 has these."""
    first = import_module("personalization.migrations.0001_initial").Migration
    named = {tuple(one) for one in first.dependencies if not isinstance(one, SwappableTuple)}
    assert named == {
        ("catalogue", "0032_category_exclude_from_menu_category_long_description"),
        ("partner", "0006_auto_20200724_0909"),
    }
