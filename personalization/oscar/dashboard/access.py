"""Who may open which screen: each URL name with the permissions that it takes. A name that is missing is refused."""

from collections.abc import Iterable
from typing import Any

Permissions = list[str]

SUPERUSERS: Permissions = ["is_superuser"]
"""For a URL that nobody mapped."""
STAFF: Permissions = ["is_staff"]
"""Staff may read what concerns no single customer. Partners' users are no staff, and see nothing."""


def allowed(*codenames: str) -> Permissions:
    """The permissions of staff with all of these."""
    return [*STAFF, *(f"personalization.{codename}" for codename in codenames)]


PERMISSIONS: dict[str, Permissions] = {
    "personalization-campaigns": STAFF,
    "personalization-campaign-create": allowed("change_campaigns"),
    "personalization-campaign": STAFF,
    "personalization-campaign-effect": STAFF,
    "personalization-campaign-grid": STAFF,
    "personalization-campaign-try": STAFF,
    "personalization-campaign-past": STAFF,
    "personalization-campaign-publish": allowed("publish_campaigns"),
    "personalization-campaigns-ready": allowed("change_campaigns"),
    "personalization-campaign-ready": allowed("change_campaigns"),
    "personalization-campaign-whole": STAFF,
    "personalization-campaign-journey": allowed("preview_as", "view_customer"),
    "personalization-campaign-whole-state": allowed("publish_campaigns"),
    "personalization-campaign-state": allowed("publish_campaigns"),
    "personalization-campaign-move": allowed("publish_campaigns"),
    "personalization-campaign-customers": STAFF,
    "personalization-campaign-mend": allowed("change_campaigns"),
    "personalization-campaign-bulk": allowed("publish_campaigns"),
    "personalization-campaign-copy": allowed("change_campaigns"),
    "personalization-campaign-history": STAFF,
    "personalization-rows": STAFF,
    "personalization-row-create": allowed("change_rows"),
    "personalization-row-preview": allowed("preview_as"),
    "personalization-row-try": allowed("preview_as"),
    "personalization-row-past": allowed("preview_as"),
    "personalization-row": STAFF,
    "personalization-row-publish": allowed("change_rows"),
    "personalization-row-state": allowed("change_rows"),
    "personalization-row-move": allowed("change_rows"),
    "personalization-row-history": STAFF,
    "personalization-objectives": STAFF,
    "personalization-objectives-try": STAFF,
    "personalization-objectives-publish": allowed("publish_campaigns"),
    "personalization-objectives-state": allowed("publish_campaigns"),
    "personalization-objectives-history": STAFF,
    "personalization-objectives-costs": allowed("change_campaigns"),
    "personalization-segments": STAFF,
    "personalization-segment-create": allowed("change_segments"),
    "personalization-segment": STAFF,
    "personalization-segment-condition": STAFF,
    "personalization-segment-count": STAFF,
    "personalization-segment-publish": allowed("change_segments"),
    "personalization-segment-state": allowed("change_segments"),
    "personalization-segment-members": allowed("export_customer"),
    "personalization-searches": STAFF,
    "personalization-search-trial": STAFF,
    "personalization-synonyms": STAFF,
    "personalization-synonym-create": allowed("change_campaigns"),
    "personalization-synonym": STAFF,
    "personalization-synonym-publish": allowed("publish_campaigns"),
    "personalization-synonym-state": allowed("publish_campaigns"),
    "personalization-synonym-history": STAFF,
    "personalization-redirects": STAFF,
    "personalization-redirect-create": allowed("change_campaigns"),
    "personalization-redirect": STAFF,
    "personalization-redirect-publish": allowed("publish_campaigns"),
    "personalization-redirect-state": allowed("publish_campaigns"),
    "personalization-redirect-history": STAFF,
    "personalization-experiments": STAFF,
    "personalization-experiment": STAFF,
    "personalization-experiment-create": allowed("run_experiments"),
    "personalization-experiment-edit": allowed("run_experiments"),
    "personalization-experiment-plan": allowed("run_experiments"),
    "personalization-experiment-start": allowed("run_experiments"),
    "personalization-experiment-stop": allowed("run_experiments"),
    "personalization-experiment-archive": allowed("run_experiments"),
    "personalization-experiment-apply": allowed("run_experiments", "publish_campaigns"),
    "personalization-holdout": allowed("run_experiments"),
    "personalization-blocks": STAFF,
    "personalization-block-create": allowed("change_campaigns"),
    "personalization-block-preview": STAFF,
    "personalization-block": STAFF,
    "personalization-block-publish": allowed("publish_campaigns"),
    "personalization-block-state": allowed("publish_campaigns"),
    "personalization-block-move": allowed("publish_campaigns"),
    "personalization-block-history": STAFF,
    "personalization-messages": STAFF,
    "personalization-message-create": allowed("change_messages"),
    "personalization-message": STAFF,
    "personalization-message-mail": allowed("preview_as"),
    "personalization-message-test": allowed("preview_as", "send_messages"),
    "personalization-message-publish": allowed("send_messages"),
    "personalization-message-state": allowed("send_messages"),
    "personalization-message-move": allowed("send_messages"),
    "personalization-message-history": STAFF,
    "personalization-preview": allowed("preview_as"),
    "personalization-products": STAFF,
    "personalization-product": STAFF,
    "personalization-product-around": STAFF,
    "personalization-product-finder": STAFF,
    "personalization-overview": STAFF,
    "personalization-reports": STAFF,
    "personalization-customer-report": STAFF,
    "personalization-report-csv": STAFF,
    "personalization-search-report": STAFF,
    "personalization-search-report-csv": STAFF,
    "personalization-consent": allowed("view_customer"),
    "personalization-customer": allowed("view_customer"),
    "personalization-customer-segments": allowed("view_customer"),
    "personalization-customer-timeline": allowed("view_customer"),
    "personalization-customer-download": allowed("view_customer", "export_customer"),
    "personalization-customer-erase": allowed("view_customer", "erase_customer"),
    "personalization-keys": allowed("change_serverkey"),
    "personalization-key-rotate": allowed("change_serverkey"),
    "personalization-key-revoke": allowed("change_serverkey"),
    "personalization-sensitive": STAFF,
    "personalization-sensitive-add": allowed("change_sensitivecategory"),
    "personalization-sensitive-remove": allowed("change_sensitivecategory"),
    "personalization-data": STAFF,
    "personalization-runs": STAFF,
    "personalization-run-start": allowed("run_jobs"),
    "personalization-schedule-edit": allowed("run_jobs"),
    "personalization-schedules-add": allowed("run_jobs"),
    "personalization-card-unlink": allowed("view_customer", "erase_customer"),
    "personalization-snapshot-serve": allowed("run_jobs"),
    "personalization-audit": allowed("view_audit"),
    "personalization-audit-csv": allowed("view_audit"),
}
"""By URL name."""


def has_permission(user: Any, codename: str) -> bool:
    """Whether a member of staff may do it; for buttons that others do not see."""
    return bool(user.is_staff and user.has_perm(f"personalization.{codename}"))


def granted(user: Any, codenames: Iterable[str]) -> dict[str, bool]:
    """{permission: whether the user has it}, for templates."""
    return {codename: has_permission(user, codename) for codename in codenames}
