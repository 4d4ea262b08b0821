"""The one entry of a shop's clock, in the words of each clock."""

import shlex
import sys
from pathlib import Path

from django.apps import apps

from personalization.models.schedules import SWEEP_SECONDS

SWEEP_TASK = "personalization.sweep"
EXPIRY_SECONDS = SWEEP_SECONDS - 5
"""A sweep that no worker took by then is not needed: the next one comes."""
BEAT_APP = "django_celery_beat"
BEAT_ENTRY = "personalization: start what is due"


def write_beat_entry() -> bool:
    """Whether django-celery-beat is installed; then its table has our entry afterwards, once."""
    if not apps.is_installed(BEAT_APP):
        return False
    interval, _ = apps.get_model(BEAT_APP, "IntervalSchedule").objects.get_or_create(
        every=SWEEP_SECONDS, period="seconds"
    )
    entry = {"task": SWEEP_TASK, "interval": interval, "expire_seconds": EXPIRY_SECONDS, "enabled": True}
    apps.get_model(BEAT_APP, "PeriodicTask").objects.update_or_create(name=BEAT_ENTRY, defaults=entry)
    return True


def crontab_line() -> str:
    """To paste into a crontab."""
    folder = shlex.quote(str(Path.cwd()))
    return f"* * * * *  cd {folder} && OMP_NUM_THREADS=1 {_sweep_command()} --verbosity 0"


def systemd_unit() -> str:
    """To paste into /etc/systemd/system/personalization.service."""
    return "\n".join(
        (
            "[Unit]",
            "Description=Do what the shop's schedules say",
            "",
            "[Service]",
            f"WorkingDirectory={Path.cwd()}",
            "Environment=OMP_NUM_THREADS=1",
            f"ExecStart={_sweep_command()} --forever",
            "KillSignal=SIGINT",
            "KillMode=mixed",
            "Restart=always",
            "",
            "[Install]",
            "WantedBy=multi-user.target",
        )
    )


def celery_entry() -> str:
    """To paste into the settings of a shop that runs Celery's beat."""
    return "\n".join(
        (
            "CELERY_BEAT_SCHEDULE = {",
            f'    "personalization": {{"task": "{SWEEP_TASK}", "schedule": {SWEEP_SECONDS:.1f},'
            f' "options": {{"expires": {EXPIRY_SECONDS}}}}},',
            "}",
        )
    )


def _sweep_command() -> str:
    return f"{shlex.quote(sys.executable)} manage.py personalization_sweep"
