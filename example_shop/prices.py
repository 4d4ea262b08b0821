from typing import Any

from django.utils.translation import get_language


class DollarFormat(dict):
    """Oscar's OSCAR_CURRENCY_FORMAT for a shop that sells in dollars: "$1.00" on English pages, where British English
    would have "US$1.00"; elsewhere as the language has it ("1,00 $")."""

    def get(self, currency: str, default: Any = None) -> Any:
        is_english = (get_language() or "en").startswith("en")
        return {"format": "$#,##0.00"} if currency == "USD" and is_english else default
