"""Shoppable posts as a decision reads them; `merchandising.posts` makes them from what is published."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Spot:
    """A product in the picture of a post."""

    product: int
    """Its key."""
    x: int
    """Percent from the left."""
    y: int
    """Percent from the top."""


@dataclass(frozen=True)
class Post:
    """What a content block of the kind "post" has besides."""

    spots: tuple[Spot, ...] = ()
    """In reading order."""
    owner: str = ""
    """Whose picture it is."""
    origin: str = ""
    """Where it was posted first: an address, or ""."""
    video: str = ""
    """The address of the video of which the picture is the poster, or ""."""
    rights_end: float | None = None
    """From this moment on the picture may not be shown, in seconds since 1970; None for never."""

    def may_be_shown(self, timestamp: float) -> bool:
        """Whether the rights to the picture last until after this moment."""
        return self.rights_end is None or timestamp < self.rights_end
