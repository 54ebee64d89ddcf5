"""Article -> document: what is indexed of an article."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from index.analysis import tokens
from index.article import Article
from index.schema import UNDATED
from index.urls import address_key

FACET_COLUMNS = ("topic", "provider", "type", "category")

_MIN_LEAD_TOKENS = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def searched_text(article: Article) -> dict[str, tuple[str, ...]]:
    """The values of each text field, as they are searched."""
    return {
        "title": (article.title,),
        "excerpt": (article.excerpt,),
        "body": (_without_lead(article.text, article.excerpt),),
        "topic": article.topics,
        "provider": (article.provider.name, article.provider.domain),
        "author": article.authors,
    }


def _without_lead(text: str, excerpt: str) -> str:
    """The body without its beginning where the excerpt only repeats that: the words count once, as the excerpt."""
    if not text:
        return ""
    lead = [token.exact for token in tokens(excerpt.rstrip(".… ")) if not token.extra]
    head = [token for token in tokens(text[: 2 * len(excerpt) + 200]) if not token.extra][: len(lead)]
    if len(lead) < _MIN_LEAD_TOKENS or [token.exact for token in head] != lead:
        return text
    return text[head[-1].end :]


def facet_values(article: Article) -> dict[str, tuple[str, ...]]:
    """The values of each facet; a provider without a name goes by its domain."""
    provider = article.provider.name or article.provider.domain
    single = {"provider": provider, "type": article.type, "category": article.category}
    return {"topic": article.topics, **{name: (value,) if value else () for name, value in single.items()}}


def published_seconds(article: Article) -> int:
    """Seconds since 1970 (UTC), `UNDATED` for an undated article."""
    # A float, as `timestamp` gives it, rounds the last microsecond of the year 9999 up to a time beyond all dates.
    return (article.published - _EPOCH) // _SECOND if article.published else UNDATED


def address_hashes(article: Article) -> list[int]:
    """The hashes by which an article is found under each of its addresses."""
    return _distinct(map(_address_hash, article.addresses))


def link_hashes(article: Article) -> list[int]:
    """The hashes of the addresses that an article names as related, by which what links to an article is found."""
    return _distinct(map(_related_hash, article.related))


def _address_hash(address: str) -> int | None:
    key = address_key(address)
    return key_hash(key) if key else None


_related_hash = lru_cache(maxsize=8_192)(
    _address_hash
)  # an archive repeats the same related article in some forty files


def _distinct(hashes: Iterable[int | None]) -> list[int]:
    return [each for each in dict.fromkeys(hashes) if each is not None]


def key_hash(key: str) -> int:
    """64 bits of an `address_key`; what is found by them is compared with the address itself."""
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).digest(), "little")
