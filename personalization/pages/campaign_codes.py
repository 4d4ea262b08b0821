"""Where customers ask for their voucher code of a campaign. Opening a page makes none: a GET changes nothing."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from personalization.decide.audience import is_for, is_scheduled
from personalization.merchandising.campaign_codes import give_code
from personalization.oscar import visits
from personalization.pages.cache_control import private_page
from personalization.pages.outages import says_when_unreadable
from personalization.pages.redirects import redirect_target
from personalization.pages.rows import positive_number


@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def request_code(request: HttpRequest) -> HttpResponse:
    """1. Finds the live campaign that is meant for this customer now; nobody learns of any other.
    2. Makes their code, once.
    3. Leads back to the page, which shows it.
    """
    visit = visits.visit_from_request(request)
    key = positive_number(request.POST.get("campaign", ""))
    campaign = next((one for one in visit.rules.campaigns if one.id == key), None)
    own = None
    if campaign is not None and visit.user_id is not None and is_scheduled(campaign.schedule, visit.timestamp):
        own = give_code(campaign.id, visit.user_id, now()) if is_for(campaign.audience, visit) else None
    if own is None:
        messages.info(request, _("There is no voucher code for you here."))
    else:
        messages.success(request, _("Your voucher code is %(code)s. It can be used once.") % {"code": own.code})
    return HttpResponseRedirect(redirect_target(request, reverse("personalization:home")))
