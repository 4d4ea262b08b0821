"""The documented layout as separate processes with separate folders: what a worker learned serves on every host."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.served_shop import Browser
from tests.faults.storefront import add_to_basket, sign_in
from tests.operations.layout import Layout, asked_until
from tests.operations.operated_shop import write_finding

BREAK = """
import shutil
from pathlib import Path
from django.conf import settings
from personalization.models import Snapshot
storage = Path(settings.STORAGES["personalization"]["OPTIONS"]["location"])
newest = Snapshot.objects.order_by("-pk").first()
name = newest.name[:-8] + "0badbad0"
shutil.copytree(storage / newest.name, storage / name)
file = max((storage / name).glob("*.npy"), key=lambda file: file.stat().st_size)
content = bytearray(file.read_bytes())
content[-1] ^= 1
file.write_bytes(content)
Snapshot.objects.publish(name, newest.manifest_sha256, {})
print(name)
"""


@pytest.fixture
def somebody(layout: Layout):
    """Who is signed in, has a full basket, and looks at the shop through the balancer until the test is over."""
    browser, over = Browser(), threading.Event()
    sign_in(browser, layout.port, "customer3@example.com")
    add_to_basket(browser, layout.port, layout.product)
    add_to_basket(browser, layout.port, layout.product)
    browser.get(layout.port, "/basket/")
    pages = [page for page in layout.pages if page != "/accounts/login/"]
    with ThreadPoolExecutor(1) as thread:
        seen = thread.submit(asked_until, layout.port, ["/", *pages], over.is_set, browser)
        yield lambda: over.set() or seen.result()
        over.set()
    browser.close()


def test_what_a_worker_trains_serves_on_every_host_and_goes_back_and_nothing_broken_serves(layout: Layout, somebody):
    (before,) = layout.serving()
    manager = layout.shop.on_host("worker2", "tests.operations.host_settings", SHARED_STORAGE=str(layout.storage))
    newer = layout.train()
    assert newer != before and layout.serve(newer)
    manager.manage("personalization_snapshots", "--serve", "previous")
    assert layout.serve(before)
    broken = manager.run_python(BREAK)
    for host in layout.hosts:
        host.in_each_process("/")
    refused = [host.log.read_text().count(f"Snapshot {broken} is broken") for host in layout.hosts]
    assert layout.serving() == {before}
    with pytest.raises(AssertionError, match="It cannot serve"):
        manager.manage("personalization_snapshots", "--serve", broken)
    manager.manage("personalization_snapshots", "--serve", newer)
    assert layout.serve(newer)
    answers = somebody()
    statuses = {answer.status for _, answer in answers}
    write_finding("layout", pages=len(answers), statuses=sorted(statuses), refused=refused)
    assert statuses == {200}
    assert len({answer.process for _, answer in answers}) == sum(host.processes for host in layout.hosts)
    assert all("/accounts/logout/" in answer.text for _, answer in answers)
    assert {answer.text.count('value="2"') > 0 for path, answer in answers if path == "/basket/"} == {True}
    for host in layout.hosts:
        own = layout.shop.folder / host.log.stem
        assert [one.name for one in (own / "copy").iterdir() if one.name != ".lock"] == [newer]
        assert not (own / "not shared").exists()
