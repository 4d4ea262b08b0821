"""The shop's Celery: `celery -A example_shop worker --beat`, with the address of a broker in SHOP_BROKER.

Only Celery imports this module: no page sends a task, so a web process does not load it.
"""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")

app = Celery("example_shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "apply_retention": {"task": "personalization.apply_retention", "schedule": crontab(hour=2, minute=40)},
    "train": {"task": "personalization.train", "schedule": crontab(hour=3, minute=10)},
}
