"""Who does the blocks of the work: the training process alone, or Celery workers, too. All give the same bytes."""

from personalization import conf
from personalization.extras import require_extra
from personalization.models import snapshot_files
from personalization.train.engines.local import BlockStore
from personalization.train.engines.shared_blocks import SharedBlockStore


def open_block_store(engine: str = "") -> BlockStore:
    """The finished blocks of this shop, with those who do them: `engine`, else what the setting `TRAINING_ENGINE`
    says."""
    if (engine or conf.get_settings().TRAINING_ENGINE) != "celery":
        return BlockStore.of_this_shop()
    require_extra("celery")
    from personalization.train.engines.celery_blocks import send_block_offers  # noqa: PLC0415 - Celery

    return SharedBlockStore(snapshot_files.snapshot_storage(), snapshot_files._database_mark(), send_block_offers)
