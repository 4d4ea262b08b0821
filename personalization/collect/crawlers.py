"""Tells crawlers by their User-Agent."""

from crawlerdetect import CrawlerDetect

MAX_USER_AGENT = 512
"""Browsers name themselves shorter than this. The patterns take time by the square of a name's length: 20 ms for this
many characters, minutes for 100,000."""

_known_crawlers = CrawlerDetect()


def is_crawler(agent: str) -> bool:
    """Whether this User-Agent is a crawler's, a program's, or nobody's."""
    agent = agent.strip()
    if not agent or len(agent) > MAX_USER_AGENT:
        return True
    return bool(_known_crawlers.isCrawler(agent))
