"""Documents of shoppable posts, with a picture that is really there."""

from personalization.merchandising import block_pictures
from tests.content.block_documents import publish, upload

RIGHTS = {"owner": "Anna Beispiel", "permission": "Her mail of 3 May"}


def spot(product, x, y):
    return {"product": product.pk, "x": x, "y": y}


def post_parts(*spots, until=None, **parts):
    """What a post has besides the words of a block: its picture, spots of (product, x, y), and rights."""
    key = block_pictures.store_picture(upload(1200, 800)).pk
    rights = {**RIGHTS, **({"until": until} if until else {})}
    post = {"spots": [spot(*one) for one in spots], "rights": rights, **parts}
    return {"kind": "post", "image": {"key": key}, "variant": {"alt": "A laid table"}, "post": post}


def publish_post(title, *spots, slot="home-hero", until=None, block=None, **parts):
    """A live post, which this process serves. Parameters: `block`, more of its document."""
    return publish(title, slot=slot, **post_parts(*spots, until=until, **parts), **(block or {}))
