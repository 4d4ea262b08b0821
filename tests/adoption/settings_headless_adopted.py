"""The shop with django-oscar-api and our three lines, and nothing else."""

from tests.adoption.settings_headless import *  # noqa: F403

INSTALLED_APPS = ["personalization", *INSTALLED_APPS]  # noqa: F405
OSCAR_DYNAMIC_CLASS_LOADER = "personalization.oscar.class_loader.load_classes"
ROOT_URLCONF = "tests.adoption.urls_headless_adopted"
