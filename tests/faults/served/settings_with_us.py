"""That shop with our three lines."""

from tests.faults.served.settings_without_us import *  # noqa: F403

INSTALLED_APPS = ["personalization", *INSTALLED_APPS]  # noqa: F405
OSCAR_DYNAMIC_CLASS_LOADER = "personalization.oscar.class_loader.load_classes"
ROOT_URLCONF = "tests.faults.served.urls_with_us"
PERSONALIZATION = {
    "SNAPSHOT_DIR": str(BASE_DIR / "snapshots"),  # noqa: F405
    "SNAPSHOT_POLL_SECONDS": 1,
    "MAX_NEW_VISITORS_PER_MINUTE": 1000,  # all browsers of a test have one address
}
