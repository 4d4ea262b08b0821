"""An account that has ordered tens of thousands of times orders once more: the order does not wait for its genome."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from personalization.models import Genome, query_limits
from personalization.oscar import order_changes
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("purchases", "refreshed"), [(60, True), (50_000, False)])
def test_a_large_genome_waits_for_the_sweep(django_capture_on_commit_callbacks, purchases, refreshed):
    user, tea = shop.create_customer("wholesaler"), shop.create_shop_product("Tea")
    shop.create_past_order(user, [tea])
    long_ago = now() - timedelta(days=3)
    Genome.objects.create(user=user, purchases=purchases, computed_at=long_ago)
    query_limits.start_request()
    with CaptureQueriesContext(connection) as captured, django_capture_on_commit_callbacks(execute=True):
        order_changes.refresh_after_commit(user.pk)
    query_limits.finish_request()
    assert (Genome.objects.get(user=user).computed_at != long_ago) is refreshed
    if not refreshed:
        assert len(captured) == 3  # one, in a savepoint
    with django_capture_on_commit_callbacks(execute=True):  # a command, or a worker, takes its time
        order_changes.refresh_after_commit(user.pk)
    assert Genome.objects.get(user=user).computed_at != long_ago
