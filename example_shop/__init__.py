"""A plain django-oscar shop with `personalization` added."""

from example_shop.celery import app as celery_app

__all__ = ["celery_app"]
