"""Keys of the shop's own servers: created, rotated and revoked. A secret is shown once, on the page that made it."""

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from personalization.models import AuditAction, AuditEntry, ServerKey
from personalization.models.server_keys import Scope
from personalization.oscar.dashboard.screens import show


class KeyForm(forms.Form):
    """What a new key is called, and what it may do."""

    name = forms.CharField(
        label=pgettext_lazy("personalization", "Name"),
        max_length=100,
        help_text=pgettext_lazy("personalization", "Whose it is, for instance “till in Hamburg”."),
    )
    scopes = forms.MultipleChoiceField(
        label=pgettext_lazy("personalization", "It may"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )


@require_http_methods(["GET", "POST"])
def show_keys(request: HttpRequest) -> HttpResponse:
    """All keys; posting the form makes one, whose secret this page alone shows."""
    form = KeyForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return _key_page(request, form)
    with transaction.atomic():
        key, secret = ServerKey.objects.create_key(form.cleaned_data["name"], form.cleaned_data["scopes"])
        _note(request, AuditAction.CREATE, key)
    return _key_page(request, KeyForm(), key, secret)


@require_POST
def rotate_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Makes a key in place of this one, which ends a day later, and shows the new secret."""
    old = get_object_or_404(ServerKey, pk=pk)
    if _has_ended(old):
        messages.error(request, pgettext("personalization", "This key has ended; create a new one."))
        return HttpResponseRedirect(reverse("personalization:personalization-keys"))
    with transaction.atomic():
        key, secret = old.rotate()
        _note(request, AuditAction.CHANGE, key)
    return _key_page(request, KeyForm(), key, secret)


@require_POST
def revoke_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Makes the key worth nothing at once."""
    key = get_object_or_404(ServerKey, pk=pk)
    with transaction.atomic():
        key.expire(now())
        _note(request, AuditAction.ARCHIVE, key)
    words = pgettext("personalization", "The key of “%(name)s” is revoked.")
    messages.success(request, words % {"name": key.name})
    return HttpResponseRedirect(reverse("personalization:personalization-keys"))


def _key_page(request: HttpRequest, form: KeyForm, key: ServerKey | None = None, secret: str = "") -> HttpResponse:
    labels = dict(Scope.choices)
    keys = [
        (one, [labels.get(scope, scope) for scope in one.scopes], _has_ended(one))
        for one in ServerKey.objects.order_by("-pk")
    ]
    return show(request, "keys", {"form": form, "keys": keys, "made": key, "secret": secret}, tab="keys")


def _has_ended(key: ServerKey) -> bool:
    return key.expires_at is not None and key.expires_at <= now()


def _note(request: HttpRequest, action: AuditAction, key: ServerKey) -> None:
    AuditEntry.objects.record(request.user, action, kind="key", object_id=key.pk, note=str(key))
