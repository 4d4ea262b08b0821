"""Clocks of some hosts jump an hour ahead and an hour back, while others go right: nothing is done twice, or stops.

On a host whose clock is an hour late nobody has agreed yet who agreed in the last hour: what they report is refused and
they are told so, rather than stored against what that clock says.
"""

import json
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from personalization.privacy.cookies import CONSENT_COOKIE
from tests.faults.served_shop import Browser
from tests.operations.layout import Layout, WebHost
from tests.operations.operated_shop import end_process, waited_until, write_finding

CLOCK, COMPILER = Path(__file__).with_name("jumping_clock.c"), shutil.which("cc")
EVERY_MINUTE = """
from datetime import timedelta
from django.utils.timezone import now
from personalization.models import JobSchedule
JobSchedule.objects.filter(kind__in=["measure", "value"]).update(
    is_on=True, every_minutes=1, daily_at=None, changed_at=now() - timedelta(minutes=5))
"""
NEVER = "from personalization.models import JobSchedule; JobSchedule.objects.all().update(is_on=False)"
JUMPS = ("0", "3600", "-3600", "0")
PHASE_SECONDS = 15
RUNS = "SELECT kind, occasion, state FROM personalization_run WHERE id > %s ORDER BY id"

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler for the clock that jumps")


def event(key: str, product: int) -> dict:
    return {"id": key, "name": "view_item", "at": int(time.time() * 1000), "items": [{"item_id": str(product)}]}


def agreed(days_ago: int) -> Browser:
    """One that agreed a minute more than so many days ago."""
    return Browser({CONSENT_COOKIE: f"granted.1.{int(time.time()) - 60 - days_ago * 86_400}"})


def report(browser: Browser, host: WebHost, keys: list[str], product: int) -> tuple[int, list[str]]:
    """(status, why each was refused) of events with these keys, which are sent again while a slow machine stores none,
    as our script does."""
    while True:
        body = {"sent_at": int(time.time() * 1000), "events": [event(key, product) for key in keys]}
        answer = browser.report(host.port, json.dumps(body))
        codes = [one["code"] for one in json.loads(answer.text)["rejected"]]
        if "not_stored" not in codes:
            return answer.status, codes
        time.sleep(1)


def test_clocks_that_jump_an_hour_double_nothing_and_stop_nothing(layout: Layout):
    offset, library = layout.shop.folder / "offset", layout.shop.folder / "clock.so"
    subprocess.run([str(COMPILER), "-shared", "-fPIC", "-o", str(library), str(CLOCK), "-ldl"], check=True)
    offset.write_text(JUMPS[0])
    jumping = layout.shop.on_host(
        "web3",
        "tests.operations.host_settings",
        SHARED_STORAGE=str(layout.storage),
        LD_PRELOAD=str(library),
        CLOCK_OFFSET_FILE=str(offset),
    )
    sweep = ("-m", "django", "personalization_sweep", "--forever", "--seconds", "2")
    last = layout.shop.ask("SELECT coalesce(max(id), 0) FROM personalization_run")[0][0]
    browser, new_browser, key = agreed(days_ago=2), agreed(days_ago=0), str(uuid4())
    answers, refused, statuses, keys = [], [], set(), [key]
    with ExitStack() as stack:
        host = WebHost("tests.operations.host_settings", jumping.environment, layout.shop.folder / "web3.log")
        stack.enter_context(host.serving())
        sweeps = [jumping.start(f"sweep{number}", *sweep) for number in (1, 2)]
        for one in sweeps:
            stack.callback(end_process, one)
        for one in (browser, new_browser):
            stack.callback(one.close)
        stack.callback(layout.shop.run_python, NEVER)
        layout.shop.run_python(EVERY_MINUTE)
        for jump in JUMPS:
            offset.write_text(jump)
            began = time.monotonic()
            while time.monotonic() - began < PHASE_SECONDS:
                statuses |= {browser.get(host.port, page).status for page in ("/", *layout.pages)}
                keys.append(str(uuid4()))
                answers.append((jump, *report(browser, host, [key, keys[-1]], layout.product)))
                refused.append((jump, *report(new_browser, host, [str(uuid4())], layout.product)))
                time.sleep(1)
        returned = layout.shop.ask("SELECT coalesce(max(id), 0) FROM personalization_run")[0][0]
        later = "SELECT count(*) FROM personalization_run WHERE id > %s AND state = 'done'"
        went_on = waited_until(lambda: layout.shop.ask(later, returned)[0][0] >= 2, 150)
        alive = [one.poll() is None for one in sweeps]
    runs = layout.shop.ask(RUNS, last)
    done = [(kind, occasion) for kind, occasion, state in runs if state == "done"]
    stored = layout.shop.ask("SELECT count(*) FROM personalization_event WHERE event_id = ANY(%s::uuid[])", keys)
    not_taken = [answer for answer in answers if answer[1:] != (202, [])]
    write_finding(
        "clock jumps",
        statuses=sorted(statuses),
        runs=[f"{kind} {occasion} {state}" for kind, occasion, state in runs],
        went_on_after_seconds=went_on,
        events=[len(keys), stored[0][0]],
        not_taken=not_taken,
        refused_of_who_just_agreed=[jump for jump, _, codes in refused if codes],
    )
    assert statuses == {200} and alive == [True, True]
    assert not_taken == [] and stored == [(len(keys),)]
    of_new = {(jump, tuple(codes)) for jump, _, codes in refused}
    # The clock is asked for its offset now and then: the first answer after a jump may go by the one before.
    assert of_new - {(jump, ()) for jump in JUMPS} == {("-3600", ("before_consent",))}
    assert len(set(done)) == len(done) >= 4
    assert not [run for run in runs if run[2] == "failed"]
    assert went_on is not None
