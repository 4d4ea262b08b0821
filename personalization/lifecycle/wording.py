"""The shop's own words in a message: plain text with placeholders from a closed list, never a template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from personalization.merchandising.campaign_codes import fill_code, has_code_words
from personalization.merchandising.documents import PLACEHOLDER
from personalization.shop.voucher_codes import OwnCode


class MissingValueError(Exception):
    """A placeholder stands for something that this message does not have."""


@dataclass(frozen=True)
class Wording:
    """What replaces our own words; "" for what does not."""

    subject: str = ""
    opening: str = ""
    closing: str = ""

    @property
    def names_code(self) -> bool:
        """Whether it names the reader's voucher code."""
        return any(has_code_words(text) for text in (self.subject, self.opening, self.closing))

    def with_code(self, own: OwnCode | None) -> "Wording":
        """With the reader's code in its place; without one, without the sentences that name it."""
        return Wording(*(fill_code(text, own) for text in (self.subject, self.opening, self.closing)))

    def filled_in(self, values: Mapping[str, Any]) -> "Wording":
        """With what its placeholders stand for. MissingValueError."""
        return Wording(*(_fill_in(text, values) for text in (self.subject, self.opening, self.closing)))


def _fill_in(text: str, values: Mapping[str, Any]) -> str:
    try:
        return PLACEHOLDER.sub(lambda found: str(values[found[1]]), text)
    except KeyError as fault:
        raise MissingValueError(f"there is nothing for the placeholder {{{fault.args[0]}}}") from fault
