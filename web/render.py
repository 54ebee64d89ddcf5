"""Engine answers -> JSON values, in the one shape that the API and `--json` on the command line share.

Absent text, numbers and dates are null. Addresses that a client is meant to follow (`url`, `image`) are http or https
or null; the address fields of a single article are data, given as the archive has them.
"""

import json
import math
from datetime import UTC, datetime
from typing import Any

import orjson

from index.article import Article, Image
from index.urls import safe_href
from search.query import FACETS, Query
from search.results import Bucket, Found, Hit, Note, Ranges, RelatedLink, Results, Status, YearBucket
from web.links import Links, page_count

SEARCH_PATH = "/api/v1/search"

Json = dict[str, Any]


def to_bytes(value: Json | list[Any]) -> bytes:
    """JSON as UTF-8; a lone surrogate, which UTF-8 cannot hold, becomes a question mark."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # such a surrogate, or a whole number of more than 64 bits
        pass
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def render_results(results: Results, query: Query, base: str = SEARCH_PATH) -> Json:
    """The answer to a search; `base` is the path that its addresses begin with."""
    links = Links(base, query)
    facets: Json = {name: [_value(bucket, name, links) for bucket in results.facets.get(name, ())] for name in FACETS}
    facets["date"] = [_year(year, links) for year in results.dates]
    return {
        "query": {
            "q": query.text,
            "match": results.match,
            "understood": results.understood,
            "notes": [_note(note, links) for note in results.notes],
        },
        "total": {"value": results.total, "relation": "exact", "full": results.full},
        "took_ms": round(results.took_ms, 3),
        "generation": results.generation,
        "hits": [_hit(hit) for hit in results.hits],
        "facets": facets,
        "page": {
            "number": query.page,
            "size": query.size,
            "total_pages": page_count(results.total, query.size),
            "next_url": links.next(results.total),
            "previous_url": links.previous(results.total),
        },
    }


def render_found(found: Found) -> Json:
    """One article with every field that the archive gives it."""
    article = found.article
    return {
        "id": article.id,
        "archive": article.archive,
        "path": article.path,
        "title": article.title,
        "excerpt": article.excerpt,
        "url": safe_href(article.address) or None,
        "original_url": article.original_url or None,
        "web_url": article.web_url or None,
        "amp_url": article.amp_url or None,
        "cdn_amp_url": article.cdn_amp_url or None,
        "own_url": article.url or None,
        "provider": _provider(article, image=True),
        "authors": list(article.authors),
        "topics": list(article.topics),
        "published": moment(article.published),
        "updated": moment(article.updated),
        "type": article.type or None,
        "category": article.category or None,
        "length": article.length or None,
        "levels": list(article.levels),
        "quality": number(article.quality),
        "heat": number(article.heat),
        "images": [_image(image) for image in article.images],
        "related": [_related(link) for link in found.related],
        "linked_from": [_related(link) for link in found.linked_from],
        "text": article.text,
        "body": article.body,
        "body_format": article.body_format,
        "extra": _finite(article.extra),
    }


def render_status(status: Status) -> Json:
    """What is served, in numbers: nothing about files and hidden articles, which are the operator's business."""
    return {
        "engine": status.engine,
        "generation": status.generation,
        "created": status.created,
        "articles": status.articles,
        "rejected": status.rejected,
        "newest": status.newest,
        "unpublished": status.unpublished,
        "archives": list(status.archives),
    }


def moment(when: datetime | None) -> str | None:
    """`2021-12-13T05:54:00Z`."""
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if when else None


def number(value: float | None) -> float | int | None:
    """A whole number without `.0`; what JSON cannot say (infinity) is null."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else value


def _hit(hit: Hit) -> Json:
    article = hit.article
    snippet = hit.snippet
    return {
        "id": article.id,
        "rank": hit.rank,
        "score": round(hit.score, 6),
        "full": hit.full,
        "title": article.title,
        "excerpt": article.excerpt,
        "url": safe_href(article.address) or None,
        "provider": _provider(article),
        "topics": list(article.topics),
        "published": moment(article.published),
        "type": article.type or None,
        "category": article.category or None,
        "quality": number(article.quality),
        "heat": number(article.heat),
        "image": next(filter(None, (safe_href(image.url) for image in article.images)), None),
        "highlights": {name: _ranges(hit.highlights.get(name, ())) for name in ("title", "excerpt")},
        "snippet": {"text": snippet.text, "highlights": _ranges(snippet.highlights)} if snippet else None,
    }


def _provider(article: Article, *, image: bool = False) -> Json:
    provider = article.provider
    values: Json = {"name": provider.name or None, "domain": provider.domain or None}
    return {**values, "image": provider.image or None} if image else values


def _image(image: Image) -> Json:
    return {"url": image.url, "width": image.width, "height": image.height, "title": image.title or None}


def _related(link: RelatedLink) -> Json:
    return {"url": safe_href(link.url) or None, "site": link.site, "id": link.id, "title": link.title or None}


def _ranges(ranges: Ranges) -> list[list[int]]:
    return [[start, end] for start, end in ranges]


def _note(note: Note, links: Links) -> Json:
    return {"kind": note.kind, "text": note.text, "url": links.note(note)}


def _value(bucket: Bucket, facet: str, links: Links) -> Json:
    return {
        "value": bucket.value,
        "count": bucket.count,
        "selected": bucket.selected,
        "excluded": bucket.excluded,
        "toggle_url": links.toggle(facet, bucket),
        "exclude_url": links.toggle_excluded(facet, bucket),
    }


def _year(year: YearBucket, links: Links) -> Json:
    return {**_period(year, links), "months": [_period(month, links) for month in year.months]}


def _period(bucket: Bucket | YearBucket, links: Links) -> Json:
    """A year or month, in the shape of other values; it cannot be excluded."""
    return {
        "value": bucket.value,
        "count": bucket.count,
        "selected": bucket.selected,
        "excluded": False,
        "toggle_url": links.toggle_date(bucket),
        "exclude_url": None,
    }


def _finite(value: Any) -> Any:
    """A JSON value of the archive's with NaN and the infinities, which JSON lacks, as null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
