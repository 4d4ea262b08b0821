"""The joints: the tables between the stages, and all SQL over them."""

from personalization.models.customer_facts import CustomerFacts, CustomerTaste
from personalization.models.daily_totals import DailyTotal
from personalization.models.events import Event
from personalization.models.genomes import Genome
from personalization.models.order_visitors import OrderVisitor
from personalization.models.sensitive import SensitiveCategory
from personalization.models.server_keys import ServerKey
from personalization.models.snapshots import Snapshot
from personalization.models.training_leases import TrainingLease
from personalization.models.visitors import Consent, ConsentRecord, Visitor

__all__ = [
    "Consent",
    "ConsentRecord",
    "CustomerFacts",
    "CustomerTaste",
    "DailyTotal",
    "Event",
    "Genome",
    "OrderVisitor",
    "SensitiveCategory",
    "ServerKey",
    "Snapshot",
    "TrainingLease",
    "Visitor",
]
