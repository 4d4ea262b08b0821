"""The Celery app of workers that say which blocks they do, and take their time: `celery -A` and this module."""

import os
import time

from example_shop.celery import app  # noqa: F401
from personalization.recommenders import BlockPlan

plain = BlockPlan.links
seconds = float(os.environ.get("TEST_BLOCK_SECONDS", "0"))


def links(plan: BlockPlan, block: range):
    print(f"begins {plan.function.__name__} {block.start}-{block.stop - 1}", flush=True)
    time.sleep(seconds)
    return plain(plan, block)


BlockPlan.links = links
