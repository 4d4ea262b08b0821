"""Blocks of the work as tasks of Celery workers: JSON messages with names and numbers."""

import logging
from collections.abc import Iterator
from typing import Any

from celery import Celery, current_app, shared_task
from django.utils.module_loading import import_string

from personalization import conf
from personalization.models.snapshot_files import snapshot_storage
from personalization.train.engines.plan_files import UnusablePlan
from personalization.train.engines.shared_blocks import BlockOffer, OfferTaker

logger = logging.getLogger("personalization")

TASK_NAME = "personalization.train_block"
OFFER_LASTS_SECONDS = 3600
"""An offer that nobody took is dropped after this time: the training process has long done the block itself."""

_taker = OfferTaker()


@shared_task(name=TASK_NAME, ignore_result=True)  # type: ignore[untyped-decorator]  # Celery has no types
def train_block(folder: str, plan: str, start: int, stop: int, **unknown: Any) -> None:
    """Does one block of a training run. It may be lost, as the training process does what nobody did: so it is
    acknowledged when it begins, and a block that kills its worker kills no other."""
    try:
        _taker.do_block(BlockOffer(folder, plan, start, stop), snapshot_storage())
    except (UnusablePlan, ValueError) as error:
        logger.warning("The block %s to %s of %s is left to the training process: %s", start, stop, folder, error)


def send_block_offers(offers: Iterator[BlockOffer]) -> None:
    """Offers each block to the workers of the shop's Celery app."""
    app = _celery_app_of_this_shop()
    for offer in offers:
        app.send_task(
            TASK_NAME,
            kwargs=offer.as_message(),
            serializer="json",
            expires=OFFER_LASTS_SECONDS,
            ignore_result=True,
            retry=False,
        )


def _celery_app_of_this_shop() -> Celery:
    path = conf.get_settings().CELERY_APP
    app: Celery = import_string(path) if path else current_app._get_current_object()
    return app
