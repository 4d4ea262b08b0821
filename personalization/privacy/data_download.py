"""The file that visitors download: all that is stored about them, written while it is sent."""

import logging
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from functools import partial

from asgiref.sync import sync_to_async
from django.utils import translation

from personalization.models.fail_open import describe_fault
from personalization.privacy import data_export
from personalization.privacy.json_stream import json_chunks
from personalization.privacy.requester import Requester
from personalization.rate_limits import DownloadSlot

logger = logging.getLogger("personalization")


class DataDownload:
    """The chunks of one JSON file. Close it when it is no longer wanted: until then the visitor gets no other one.

    A failure ends it in the middle, where its JSON is not closed: what is not complete does not look complete.
    """

    def __init__(self, requester: Requester, now: datetime) -> None:
        """RateLimited when the visitor has another one, or had too many."""
        self._slot = DownloadSlot(requester.address, requester.limit_key)
        self._language = translation.get_language()
        try:
            self._chunks = json_chunks(data_export.streamed_visitor_data(requester, now))
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """The next chunk, in the language of the request, which is over by now."""
        self._slot.renew()
        try:
            with translation.override(self._language):
                return next(self._chunks)
        except StopIteration:
            self.close()
            raise
        except Exception as fault:
            logger.error(
                "A download of visitor data failed in the middle (%s); what was sent is not a complete file",
                describe_fault(fault),
            )
            self.close()
            raise

    def close(self) -> None:
        """Lets the visitor's next download begin."""
        self._slot.release()


class AsyncDataDownload:
    """A `DataDownload` for ASGI, where Django would read a plain iterator to its end before it sends any of it."""

    def __init__(self, download: DataDownload) -> None:
        self._download = download

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        """The next chunk, made in the thread of the request."""
        chunk: str | None = await sync_to_async(partial(next, self._download, None))()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    def close(self) -> None:
        """Lets the visitor's next download begin."""
        self._download.close()
