"""What staff see of us in Django's admin: which categories are sensitive, the proof of consent, keys of servers."""

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
    """Categories in the order of their tree, each as far in as it lies deep."""

    def label_from_instance(self, obj: Any) -> str:
        """An ideographic space for each level: browsers swallow plain ones."""
        return "\u3000" * (obj.depth - 1) + obj.name


@admin.register(SensitiveCategory)
class SensitiveCategoryAdmin(admin.ModelAdmin):
    """Whatever lies below a category of this list counts as sensitive, too."""

    list_display = ("category",)

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        """The category as a tree."""
        if db_field.name != "category":
            return super().formfield_for_foreignkey(db_field, request, **kwargs)
        categories = db_field.related_model._default_manager.order_by("path")
        return TreeChoiceField(queryset=categories, label=db_field.verbose_name)


@admin.register(ConsentRecord)
class ConsentChangeAdmin(admin.ModelAdmin):
    """The proof of consent: to be read."""

    list_display = ("recorded_at", "state", "version", "source", "visitor")
    list_filter = ("state", "source")
    list_select_related = ("visitor",)
    date_hierarchy = "recorded_at"
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody writes proof by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ConsentRecord | None = None) -> bool:
        """Nor changes it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ConsentRecord | None = None) -> bool:
        """The admin asks this also when a customer is to be deleted, with whom the proof must go."""
        return True

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict | None = None) -> HttpResponse:
        """By itself it does not go."""
        raise PermissionDenied

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        """Without a button that would be refused."""
        return super().render_change_form(request, context | {"show_delete": False}, *args, **kwargs)


class ServerKeyForm(forms.ModelForm):
    """A key's name, and what it may do."""

    scopes = forms.MultipleChoiceField(
        label=pgettext_lazy("personalization", "May"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = ServerKey
        fields = ("name", "scopes")


@admin.register(ServerKey)
class ServerKeyAdmin(admin.ModelAdmin):
    """Keys are made, replaced and revoked here. A key is shown once, when it is made."""

    form = ServerKeyForm
    list_display = ("name", "prefix", "scopes", "created_at", "expires_at")
    actions = ("replace", "revoke")

    def save_model(self, request: HttpRequest, obj: ServerKey, form: Any, change: bool) -> None:
        """Stores the key, and shows it if it is new."""
        if change:
            super().save_model(request, obj, form, change)
            return
        made, secret = ServerKey.objects.create_key(obj.name, form.cleaned_data["scopes"])
        obj.pk = made.pk
        self._show(request, made, secret)

    @admin.action(description=gettext_lazy("Rotate key (old key valid for 24 hours)"), permissions=["change"])
    def replace(self, request: HttpRequest, queryset: Any) -> None:
        """Makes a new key for each, and shows it."""
        for key in queryset:
            self._show(request, *key.rotate())

    @admin.action(description=pgettext_lazy("personalization", "Revoke now"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        """Makes them worth nothing at once."""
        for key in queryset:
            key.expire(now())
        self.message_user(request, _("The keys are revoked."))

    def has_delete_permission(self, request: HttpRequest, obj: ServerKey | None = None) -> bool:
        """A revoked key stays to be seen."""
        return False

    def _show(self, request: HttpRequest, key: ServerKey, secret: str) -> None:
        said = _("Key of %(name)s, shown only this once: %(secret)s") % {"name": key.name, "secret": secret}
        self.message_user(request, said, messages.WARNING)
