"""What a host writes down: our warnings, and the tracebacks of requests that failed."""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"out": {"class": "logging.StreamHandler"}},
    "loggers": {"django.request": {"handlers": ["out"], "level": "ERROR", "propagate": False}},
    "root": {"handlers": ["out"], "level": "WARNING"},
}
