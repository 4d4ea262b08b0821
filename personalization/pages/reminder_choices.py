"""Where readers of a reminder say "later" or "never" about one product, and take that back.

A GET changes nothing, as programs follow all links of a mail. A POST acts at once: its address is the permission.
"""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST

from personalization.lifecycle.reminder_choice import answer_reminder, read_reminder_token
from personalization.models import ReminderAnswer
from personalization.pages.cache_control import private_page
from personalization.pages.outages import says_when_unreadable
from personalization.shop.account_records import product_titles

ANSWERS = ("later", "never")


@csrf_exempt
@private_page
@require_http_methods(["GET", "HEAD", "POST"])
def choose_reminder(request: HttpRequest, token: str) -> HttpResponse:
    """The page with both buttons, and what was answered."""
    link, answer = read_reminder_token(token), request.POST.get("answer", "")
    if link is not None and request.method == "POST":
        if answer not in ANSWERS:
            return HttpResponseBadRequest(_("This form is not valid."), content_type="text/plain; charset=utf-8")
        answer_reminder(link, never=answer == "never", now=now())
    title = product_titles([link.product_id]).get(link.product_id, "") if link else ""
    context = {"link": link, "answer": answer if link else "", "title": title}
    return render(request, "personalization/reminder_choice.html", context, status=200 if link else 404)


class TakeBackForm(forms.Form):
    """About which product a customer wants to be reminded again."""

    product = forms.IntegerField(min_value=1, max_value=2**63 - 1)


@private_page
@require_POST
@csrf_protect
@says_when_unreadable
def allow_reminder(request: HttpRequest) -> HttpResponse:
    """Takes back what the customer said about a product, on the page of their data."""
    form = TakeBackForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(_("This form is not valid."), content_type="text/plain; charset=utf-8")
    is_known = request.user.is_authenticated
    if is_known and ReminderAnswer.objects.take_back(request.user.pk, form.cleaned_data["product"]):
        messages.success(request, _("Saved. It counts from now on."))
    else:
        messages.info(request, _("Nothing was changed."))
    return HttpResponseRedirect(reverse("personalization:privacy") + "#personalization-reminders")
