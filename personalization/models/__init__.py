"""The joints: the tables between the stages, and all SQL over them."""

from personalization.models.audit import AuditAction, AuditEntry, DashboardAccess
from personalization.models.block_images import BlockImage
from personalization.models.campaign_customers import CampaignCustomer
from personalization.models.credits import Credit
from personalization.models.customer_facts import CustomerFacts, CustomerTaste
from personalization.models.daily_totals import DailyTotal
from personalization.models.definitions import (
    Band,
    Definition,
    DefinitionKind,
    DefinitionState,
    Reference,
    RulesState,
    Version,
)
from personalization.models.deliveries import Delivery
from personalization.models.events import Event
from personalization.models.experiments import Exposure, Season, SeasonEnd
from personalization.models.genome_months import GenomeMonth
from personalization.models.genomes import Genome
from personalization.models.households import Household, HouseholdInvitation, HouseholdMember
from personalization.models.loyalty_cards import CardClaim, LoyaltyCard
from personalization.models.message_outcomes import MessageOutcome
from personalization.models.message_permissions import ChannelConsent, Suppression
from personalization.models.newcomers import Newcomer
from personalization.models.order_visitors import OrderVisitor
from personalization.models.prices_seen import PriceSeen
from personalization.models.product_costs import ProductCost
from personalization.models.product_weeks import ProductWeek
from personalization.models.purchases import Purchase
from personalization.models.reminder_answers import ReminderAnswer
from personalization.models.row_draws import RowDraw
from personalization.models.row_order_results import RowOrderResult
from personalization.models.runs import Run, RunKind, RunOrigin, RunState
from personalization.models.schedules import JobSchedule
from personalization.models.search_totals import SearchTotal
from personalization.models.sensitive import SensitiveCategory
from personalization.models.server_keys import ServerKey
from personalization.models.snapshots import Snapshot
from personalization.models.stores import Store
from personalization.models.sweep_turns import SweepTurn
from personalization.models.training_leases import TrainingLease
from personalization.models.uncounted_days import UncountedDay
from personalization.models.value_runs import ValueRun
from personalization.models.visitors import Consent, ConsentRecord, Visitor

__all__ = [
    "AuditAction",
    "AuditEntry",
    "Band",
    "BlockImage",
    "CampaignCustomer",
    "CardClaim",
    "ChannelConsent",
    "Consent",
    "ConsentRecord",
    "Credit",
    "CustomerFacts",
    "CustomerTaste",
    "DailyTotal",
    "DashboardAccess",
    "Definition",
    "DefinitionKind",
    "DefinitionState",
    "Delivery",
    "Event",
    "Exposure",
    "Genome",
    "GenomeMonth",
    "Household",
    "HouseholdInvitation",
    "HouseholdMember",
    "JobSchedule",
    "LoyaltyCard",
    "MessageOutcome",
    "Newcomer",
    "OrderVisitor",
    "PriceSeen",
    "ProductCost",
    "ProductWeek",
    "Purchase",
    "Reference",
    "ReminderAnswer",
    "RowDraw",
    "RowOrderResult",
    "RulesState",
    "Run",
    "RunKind",
    "RunOrigin",
    "RunState",
    "SearchTotal",
    "Season",
    "SeasonEnd",
    "SensitiveCategory",
    "ServerKey",
    "Snapshot",
    "Store",
    "Suppression",
    "SweepTurn",
    "TrainingLease",
    "UncountedDay",
    "ValueRun",
    "Version",
    "Visitor",
]
