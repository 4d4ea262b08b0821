"""The Celery of that shop, written as Celery's guide says."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.operations.shop_settings")

app = Celery("operated")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
