"""Sensitive categories, consent records and server keys in Django's admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from personalization.models import ConsentRecord, SensitiveCategory, ServerKey
from personalization.models.server_keys import Scope


class TreeChoiceField(ModelChoiceField):
    """Categories in tree order, indented by their depth."""

    def label_from_instance(self, obj: Any) -> str:
        """An ideographic space for each level: browsers swallow plain ones."""
        return "\u3000" * (obj.depth - 1) + obj.name


@admin.register(SensitiveCategory)
class SensitiveCategoryAdmin(admin.ModelAdmin):
    """The subcategories of a listed category are sensitive, too."""

    list_display = ("category",)

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        """Offers the categories as a tree."""
        if db_field.name != "category":
            return super().formfield_for_foreignkey(db_field, request, **kwargs)
        related: Any = db_field.related_model
        categories = related._default_manager.order_by("path")
        return TreeChoiceField(queryset=categories, label=db_field.verbose_name)


@admin.register(ConsentRecord)
class ConsentRecordAdmin(admin.ModelAdmin):
    """Consent records, read-only: they are proof."""

    list_display = ("recorded_at", "state", "version", "source", "visitor")
    list_filter = ("state", "source")
    list_select_related = ("visitor",)
    date_hierarchy = "recorded_at"
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No record is added by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ConsentRecord | None = None) -> bool:
        """No record is changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ConsentRecord | None = None) -> bool:
        """True, as the admin also checks this when a customer is deleted, whose records must go with them."""
        return True

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict | None = None) -> HttpResponse:
        """A record is not deleted by itself."""
        raise PermissionDenied

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        """Hides the delete button, which would be refused."""
        return super().render_change_form(request, context | {"show_delete": False}, *args, **kwargs)


class ServerKeyForm(forms.ModelForm):
    """The name of a key and its scopes."""

    scopes = forms.MultipleChoiceField(
        label=pgettext_lazy("personalization", "Scopes"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = ServerKey
        fields = ("name", "scopes")


@admin.register(ServerKey)
class ServerKeyAdmin(admin.ModelAdmin):
    """Creates, rotates and revokes keys. A key is shown once, when it is created."""

    form = ServerKeyForm
    list_display = ("name", "prefix", "scopes", "created_at", "expires_at")
    actions = ("rotate", "revoke")

    def save_model(self, request: HttpRequest, obj: ServerKey, form: Any, change: bool) -> None:
        """Stores the key, and shows its secret if it is new."""
        if change:
            super().save_model(request, obj, form, change)
            return
        key, secret = ServerKey.objects.create_key(obj.name, form.cleaned_data["scopes"])
        obj.pk = key.pk
        self._show_secret(request, key, secret)

    @admin.action(description=gettext_lazy("Rotate key (old key valid for 24 hours)"), permissions=["change"])
    def rotate(self, request: HttpRequest, queryset: Any) -> None:
        """Creates a new key for each, and shows its secret."""
        for key in queryset:
            self._show_secret(request, *key.rotate())

    @admin.action(description=pgettext_lazy("personalization", "Revoke now"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        """Revokes the keys at once."""
        for key in queryset:
            key.expire(now())
        self.message_user(request, _("The keys are revoked."))

    def has_delete_permission(self, request: HttpRequest, obj: ServerKey | None = None) -> bool:
        """A revoked key stays visible."""
        return False

    def _show_secret(self, request: HttpRequest, key: ServerKey, secret: str) -> None:
        message = _("Key of %(name)s, shown only this once: %(secret)s") % {"name": key.name, "secret": secret}
        self.message_user(request, message, messages.WARNING)
