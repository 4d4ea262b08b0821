"""What template tags are given."""

from typing import Any

from django.template import Context


def is_defined(context: Context, value: Any) -> bool:
    """Whether a tag was given the value of a variable, and not what the shop prints for one that its page lacks: the
    `string_if_invalid` of its template engine."""
    marker = context.template.engine.string_if_invalid if context.template is not None else ""
    if not marker or not isinstance(value, str):
        return True
    before, named, after = marker.partition("%s")
    return not (value.startswith(before) and value.endswith(after)) if named else value != marker
