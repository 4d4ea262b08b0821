"""What staff see of us in Django's admin: which categories are sensitive, and the proof of consent."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse

from personalization.models import ConsentChange, SensitiveCategory


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


@admin.register(ConsentChange)
class ConsentChangeAdmin(admin.ModelAdmin):
    """The proof of consent: to be read."""

    list_display = ("at", "state", "version", "source", "visitor")
    list_filter = ("state", "source")
    list_select_related = ("visitor",)
    date_hierarchy = "at"
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody writes proof by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ConsentChange | None = None) -> bool:
        """Nor changes it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ConsentChange | None = None) -> bool:
        """The admin asks this also when a customer is to be deleted, with whom the proof must go."""
        return True

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict | None = None) -> HttpResponse:
        """By itself it does not go."""
        raise PermissionDenied

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        """Without a button that would be refused."""
        return super().render_change_form(request, context | {"show_delete": False}, *args, **kwargs)
