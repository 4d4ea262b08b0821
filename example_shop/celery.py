"""The shop's Celery: `celery -A example_shop worker --beat`, with the address of a broker in SHOP_BROKER.

What is due stands in the schedules of the shop, which `manage.py personalization_schedule` adds.
Only Celery imports this module: no page sends a task, so a web process does not load it.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")

app = Celery("example_shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "personalization": {"task": "personalization.sweep", "schedule": 60.0, "options": {"expires": 55}},
}
