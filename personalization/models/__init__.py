"""The joints: the tables between the stages, and all SQL over them."""

from personalization.models.profiles import Genome
from personalization.models.snapshots import Snapshot

__all__ = ["Genome", "Snapshot"]
