"""Which addresses a merchant may name: those of this shop, and pages elsewhere that a browser opens as such."""

from urllib.parse import urlsplit

from django.utils.http import url_has_allowed_host_and_scheme


def is_shop_address(address: str) -> bool:
    """Whether an address stays in this shop: a path from the root, with a query or without one. What a browser might
    read as another host or as a command is none."""
    if not address.startswith("/") or not address.isprintable() or any(letter in " \\" for letter in address):
        return False
    return url_has_allowed_host_and_scheme(address, allowed_hosts=None)


def is_link(address: str) -> bool:
    """Whether a page may link to it: an address of this shop, or of another one by http or https."""
    if is_shop_address(address):
        return True
    if not address.isprintable() or any(letter in " \\\"'<>" for letter in address):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
