"""The shop as somebody else sees it, for staff: what a decision looks at is replaced, who is signed in is not.

A preview is a signed parameter of a page's address. It is honoured for the member of staff who made it, for a quarter
of an hour, for GET only. The page goes through the code that serves everybody, and nothing is reported from it.
"""

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core import signing
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import get_script_prefix
from django.utils import translation
from django.utils.cache import patch_cache_control

from personalization.decide.trace import Trace
from personalization.decide.visit import Visit
from personalization.merchandising.compile import compile_with_drafts
from personalization.merchandising.compiled import CompiledRules
from personalization.models.fail_open import fail_open
from personalization.privacy.requester import ClientType, Requester, bind_requester

PARAMETER = "personalization_preview"
ATTRIBUTE = "_personalization_preview"
DECISION_ATTRIBUTE = "_personalization_previewed_decision"
OWN_ATTRIBUTES = "_personalization"
"""What the names of the attributes begin with that we leave on a request."""
SALT = "personalization.preview"
MAX_AGE = 900
"""Seconds."""
PERMISSION = "personalization.preview_as"
USER_AGENTS = {
    "phone": "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36",
    "tablet": "Mozilla/5.0 (Linux; Android 14; Tablet) AppleWebKit/537.36 Chrome/130.0 Safari/537.36",
    "computer": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36",
}
"""What a device's browser calls itself: what the visit goes by."""


@dataclass(frozen=True)
class Preview:
    """Whom and what a preview shows."""

    staff: str
    """The key of the member of staff, as a text."""
    customer: str = ""
    """The key of the customer, as a text; "" for a stranger."""
    segments: tuple[int, ...] = ()
    """The segments that the stranger is in."""
    signed_in: bool = False
    """Whether the stranger has an account, of which nothing is known."""
    moment: float | None = None
    """Seconds since 1970; None for now."""
    month: str = ""
    """The past month, "2026-09", at whose end the customer is shown, which is the moment then; "" for as they are."""
    drafts: tuple[int, ...] = ()
    """The campaigns and rows that are shown as their drafts say."""
    row: tuple[str, Mapping[str, Any]] | None = None
    """(key, document) of the settings of a row that somebody is writing."""
    language: str = ""
    device: str = "computer"
    country: str = ""
    """Where the visitor is; "" for where the member of staff is."""
    plain: bool = False
    """Without personalisation."""
    without_campaigns: bool = False

    @property
    def month_start(self) -> date | None:
        """The first day of that month."""
        return date.fromisoformat(f"{self.month}-01") if self.month else None

    def sign(self) -> str:
        """The value of the parameter."""
        return signing.dumps(asdict(self), salt=SALT, compress=True)


@dataclass(frozen=True)
class PreviewedDecision:
    """Where a decision of a preview writes down how it came about, and what it goes by that is stored nowhere."""

    trace: Trace
    rules: CompiledRules | None = None
    """None for those of the preview."""


@dataclass(frozen=True)
class _ForcedSegment:
    """A segment that a preview says the visitor is in, or is not."""

    member: bool

    def holds(self, subject: Any, now: float) -> bool:
        """As the preview says."""
        return self.member


def enter_preview(request: HttpRequest) -> None:
    """Makes the preview that the address asks for the requester of this request; nothing where it asks for none, or
    has no right to one."""
    if PARAMETER in request.GET and request.method in ("GET", "HEAD") and current_preview(request) is None:
        with fail_open("Entering a preview"):
            _enter(request, request.GET[PARAMETER])


def _enter(request: HttpRequest, token: str) -> None:
    preview = _read_token(token)
    user = getattr(request, "user", None)
    if preview is None or user is None or str(user.pk) != preview.staff or not _may_preview(user, preview):
        return
    bind_preview(request, preview)
    if preview.language:
        translation.activate(preview.language)


def bind_preview(request: HttpRequest, preview: Preview, customer: Any = None) -> None:
    """Makes whom a preview shows the requester of this request. Who calls it has asked for the permission.

    Parameters: `customer`, the preview's, where it has been read.
    """
    account = request.user if preview.signed_in else None
    setattr(request, ATTRIBUTE, preview)
    bind_requester(
        request,
        Requester(
            user=customer or _customer(preview) or account or AnonymousUser(),
            client=ClientType.PREVIEW,
            owns_session=False,
            opt_out_signal=preview.plain or account is not None,
            user_agent=USER_AGENTS.get(preview.device, ""),
        ),
    )


def trace_preview(request: HttpRequest) -> Trace:
    """Lets the decisions of a preview's request write down how they come about. Call it before they are made."""
    decision = PreviewedDecision(Trace())
    setattr(request, DECISION_ATTRIBUTE, decision)
    return decision.trace


def preview_request(
    request: HttpRequest,
    preview: Preview,
    *,
    path: str,
    query: str = "",
    customer: Any = None,
    decision: PreviewedDecision | None = None,
    keeps_cookies: bool = False,
) -> HttpRequest:
    """The request with which the visitor of this preview asks for a page of the shop: nothing has been read for it yet.

    It is made of the request of a member of staff, whose right to see this has been established, and shares their
    account and the shop's strategy with it.

    Parameters
    ----------
    customer
        the preview's, where it has been read.
    decision
        where the decisions of the page write down how they come about, if they do.
    keeps_cookies
        whether it has the cookies of the member of staff, as the frame that shows the page has: their basket is in one.
    """
    asked: Any = copy.copy(request)
    for name in [name for name in asked.__dict__ if name.startswith(OWN_ATTRIBUTES)]:
        delattr(asked, name)
    asked.method, asked.path = "GET", path
    asked.path_info = "/" + path.removeprefix(get_script_prefix()).lstrip("/")
    asked.GET, asked.POST = QueryDict(query), QueryDict()
    asked.META = {
        **request.META,
        "REQUEST_METHOD": "GET",
        "PATH_INFO": asked.path_info,
        "QUERY_STRING": query,
        "HTTP_REFERER": request.build_absolute_uri(),
    }
    if not keeps_cookies:
        asked.COOKIES = {}
    bind_preview(asked, preview, customer)
    if decision is not None:
        setattr(asked, DECISION_ATTRIBUTE, decision)
    found: HttpRequest = asked
    return found


def current_preview(request: HttpRequest) -> Preview | None:
    """The preview that this request shows."""
    found: Preview | None = getattr(request, ATTRIBUTE, None)
    return found


def in_preview(visit: Visit, request: HttpRequest) -> Visit:
    """The visit at the moment and under the rules of the request's preview; as it is without one."""
    preview = current_preview(request)
    if preview is None:
        return visit
    decision: PreviewedDecision | None = getattr(request, DECISION_ATTRIBUTE, None)
    return replace(
        visit,
        timestamp=visit.timestamp if preview.moment is None else preview.moment,
        rules=_rules(preview, (decision and decision.rules) or visit.rules),
        trace=decision.trace if decision else visit.trace,
        country=preview.country or visit.country,
        is_preview=True,
        hide_private_reasons=False,
    )


def mark_preview(request: HttpRequest, response: HttpResponse) -> None:
    """Keeps the response of a preview out of caches and of search engines, and lets our own screen frame it."""
    if current_preview(request) is not None:
        patch_cache_control(response, private=True, no_store=True)
        response["X-Robots-Tag"] = "noindex"
        response["X-Frame-Options"] = "SAMEORIGIN"


def _read_token(token: str) -> Preview | None:
    try:
        values: Mapping[str, Any] = signing.loads(token, salt=SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return None
    lists = {name: tuple(values[name]) for name in ("segments", "drafts", "row") if values.get(name) is not None}
    return Preview(**{**values, **lists})


def _may_preview(user: Any, preview: Preview) -> bool:
    wanted = [PERMISSION, *(["personalization.view_customer"] if preview.customer else [])]
    return bool(user.is_active and user.is_staff and user.has_perms(wanted))


def _customer(preview: Preview) -> Any:
    if not preview.customer:
        return None
    return get_user_model()._default_manager.filter(pk=preview.customer).first()


def _rules(preview: Preview, rules: CompiledRules) -> CompiledRules:
    if preview.drafts or preview.row is not None:
        rules = compile_with_drafts(preview.drafts, preview.row, rules)
    if preview.without_campaigns:
        rules = replace(rules, campaigns=())
    if preview.customer or not preview.segments:
        return rules
    audiences = [campaign.audience for campaign in rules.campaigns]
    audiences += [one.audience for rows in rules.rows.values() for one in rows.values()]
    named = {key for audience in audiences for key in (*audience.in_segments, *audience.out_segments)}
    return replace(rules, segments={key: _ForcedSegment(key in preview.segments) for key in named})
