"""Says with each response which process made it, and which time-outs its database connection had at the end of the
shop's transaction and after it: of ours, none may be left."""

import os

from django.db import connection, transaction


class TellTimeOuts:
    """The last middleware, so that it opens the transaction of the view itself, as ATOMIC_REQUESTS has Django do."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response["X-Process"] = str(os.getpid())
        response["X-Time-Outs"] = " ".join([*getattr(request, "time_outs", ()), *read_time_outs()])
        return response

    def process_view(self, request, view, arguments, named):
        if getattr(view, "_non_atomic_requests", ()):
            return None
        with transaction.atomic():
            response = view(request, *arguments, **named)
            request.time_outs = read_time_outs()
        return response


def read_time_outs():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        return cursor.fetchone()
