"""What stands for a customer in a file that leaves the shop: opaque to others, another one in each export, and read
back without a table. The key of HMAC is the shop's SECRET_KEY; a text that was made up or changed stands for nobody.
"""

import base64
import binascii
import hmac
import secrets

from django.utils.crypto import salted_hmac

SALT = "personalization.audience_keys"
PREFIX = "a1."
"""Begins each of them, so that they are no number and no address."""
KEY_BYTES, MARK_BYTES, EXPORT_BYTES = 40, 16, 6


class KeyTooLong(Exception):
    """The shop's primary keys of customers are longer than such a text can hold."""


def new_export() -> bytes:
    """What tells the keys of one export from those of all others."""
    return secrets.token_bytes(EXPORT_BYTES)


def audience_key(export: bytes, user_id: object) -> str:
    """What stands for a customer in this export. KeyTooLong for a primary key of more than 40 bytes."""
    plain = str(user_id).encode()
    if len(plain) > KEY_BYTES:
        raise KeyTooLong(f"The primary key of a customer has {len(plain)} bytes; an audience can hold {KEY_BYTES}.")
    plain = plain.ljust(KEY_BYTES, b"\0")
    mark = _mark(export, plain)
    sealed = export + mark + _covered(plain, export + mark)
    return PREFIX + base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read_audience_key(text: str) -> str:
    """The primary key, as a text, of whom it stands for; "" where it stands for nobody."""
    if not text.startswith(PREFIX) or not text.isascii():
        return ""
    body = text.removeprefix(PREFIX)
    try:
        sealed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return ""
    start = EXPORT_BYTES + MARK_BYTES
    plain = _covered(sealed[start:], sealed[:start]) if len(sealed) == start + KEY_BYTES else b""
    if not plain or not hmac.compare_digest(_mark(sealed[:EXPORT_BYTES], plain), sealed[EXPORT_BYTES:start]):
        return ""
    return plain.rstrip(b"\0").decode()


def _mark(export: bytes, plain: bytes) -> bytes:
    return salted_hmac(f"{SALT}.mark", export + plain, algorithm="sha512").digest()[:MARK_BYTES]


def _covered(plain: bytes, seed: bytes) -> bytes:
    """The bytes with a stream over them that only the shop can make (encryption with a synthetic start, as in SIV);
    covered twice they are as before."""
    stream = salted_hmac(f"{SALT}.cover", seed, algorithm="sha512").digest()
    return bytes(one ^ other for one, other in zip(plain, stream, strict=False))
