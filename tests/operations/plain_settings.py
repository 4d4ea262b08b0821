"""The same shop without us, on the same database."""

from tests.faults.served.settings_without_us import *  # noqa: F403
from tests.operations.host_log import LOGGING  # noqa: F401

DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # noqa: F405
