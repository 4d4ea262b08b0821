"""Content blocks as a decision reads them; `merchandising.compile_blocks` makes them from what is published."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from personalization.merchandising.compiled import Audience, Schedule
from personalization.merchandising.compiled_posts import Post

EVERYBODY, ALWAYS = Audience(), Schedule()


@dataclass(frozen=True)
class BlockText:
    """What a block says in one language: plain text."""

    title: str = ""
    text: str = ""
    call: str = ""
    """The words of its button."""
    link: str = ""
    alt: str = ""
    """What the picture shows."""


@dataclass(frozen=True)
class BlockPicture:
    """The files of a picture."""

    files: tuple[tuple[int, str], ...]
    """(width, name in the shop's storage) of each, the smallest first."""
    width: int
    height: int
    """Of the widest file."""
    focus: tuple[int, int] = (50, 50)
    """Percent from the left and from the top."""


@dataclass(frozen=True)
class Block:
    """A live content block."""

    id: int
    """The key of its definition."""
    version: int
    """The number of the version that is live."""
    name: str
    slot: str
    kind: str
    """"hero", "banner", "text" or "post"."""
    place: int = 0
    """The order among all blocks, from 1."""
    texts: Mapping[str, BlockText] = field(default_factory=dict)
    """By language code in lower case."""
    picture: BlockPicture | None = None
    audience: Audience = EVERYBODY
    schedule: Schedule = ALWAYS
    categories: frozenset[int] = frozenset()
    products: frozenset[int] = frozenset()
    """What it is about."""
    campaign: int = 0
    """The key of the campaign that it is a part of; 0 for none."""
    makes_codes: bool = False
    """Whether that campaign makes voucher codes."""
    by_taste: bool = False
    """Whether only those see it who buy what it is about."""
    post: Post | None = None
    """What a post has besides; None for a block of another kind."""
    published_at: float = 0.0
    """In seconds since 1970; 0 for a draft."""

    @property
    def key(self) -> str:
        """How events name it."""
        return f"{self.id}:{self.version}"

    @property
    def has_no_audience(self) -> bool:
        """Whether no visitor is left out but by taste, at the times at which it is shown."""
        return self.audience == EVERYBODY

    @property
    def is_for_everybody(self) -> bool:
        """Whether no visitor is left out, at the times at which it is shown."""
        return self.has_no_audience and not self.by_taste

    def text_in(self, language: str, default: str) -> BlockText:
        """What it says in this language, or in its main one, in the default one, or in whichever it has."""
        wanted = (language.lower(), language.lower().partition("-")[0], default.lower(), default.partition("-")[0])
        return next((self.texts[code] for code in wanted if code in self.texts), next(iter(self.texts.values())))
