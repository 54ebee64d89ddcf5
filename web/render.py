"""Engine answers -> JSON values, in the shapes (`web.shapes`) that the API and the command line share."""

import json
import math
import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any, cast

import orjson
from markupsafe import escape

from index.article import Article, Image
from index.urls import safe_href
from search.query import FACETS, Interval, Query
from search.results import (
    Bucket,
    Explanation,
    Found,
    Hit,
    Note,
    Ranges,
    RelatedLink,
    Results,
    Status,
    Suggestion,
    Timeline,
    YearBucket,
)
from web import shapes
from web.cursor import write_cursor
from web.links import Links, address_of_suggestion, page_count
from web.params import ARTICLE_FIELDS, HIT_FIELDS

Json = Mapping[str, Any]


def to_bytes(value: Json | list[Any]) -> bytes:
    """JSON as UTF-8; a lone surrogate, which UTF-8 cannot hold, becomes a question mark."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # such a surrogate, or a whole number of more than 64 bits
        pass
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def render_results(
    results: Results,
    query: Query,
    links: Links,
    fields: Sequence[str] = HIT_FIELDS,
    *,
    html: bool = False,
    harvest: bool = False,
) -> shapes.SearchAnswer:
    """The answer to a search.

    Args:
        results: what the engine says.
        query: what was asked.
        links: around the query; its addresses stand in the answer.
        fields: what to say of each hit.
        html: whether hits carry their text marked up, too.
        harvest: whether a cursor is walked along, rather than pages.
    """
    return {
        "query": {
            "q": query.text,
            "match": results.match,
            "understood": results.understood,
            "notes": [_note(note, links) for note in results.notes],
        },
        "total": {
            "value": results.total,
            "relation": "approximate" if results.partial else "exact",
            "full": results.full,
        },
        "partial": results.partial,
        "took_ms": round(results.took_ms, 3),
        "generation": results.generation,
        "hits": [render_hit(hit, fields, html=html) for hit in results.hits],
        "facets": _facets(results, query, links),
        "page": _walk(results, query, links) if harvest else _page(results, query, links),
    }


def _facets(results: Results, query: Query, links: Links) -> shapes.Facets:
    facets: dict[str, Any] = {
        name: [render_value(bucket, name, links) for bucket in results.facets.get(name, ())]
        for name in FACETS
        if name in query.facets
    }
    if "date" in query.facets:
        facets["date"] = [_year(year, links) for year in results.dates]
    return cast("shapes.Facets", facets)


def _page(results: Results, query: Query, links: Links) -> shapes.Page:
    return {
        "number": query.page,
        "size": query.size,
        "total_pages": page_count(results.total, query.size, links.depth),
        "next_url": links.next(results.total),
        "previous_url": links.previous(results.total),
    }


def _walk(results: Results, query: Query, links: Links) -> shapes.Page:
    after = results.next
    return {
        "number": None,
        "size": query.size,
        "total_pages": None,
        "next_url": links.cursor(write_cursor(after, query)) if after else None,
        "previous_url": None,
    }


def render_article(article: Article, fields: Sequence[str] = ARTICLE_FIELDS) -> dict[str, Any]:
    """Its id and the fields of `ARTICLE_FIELDS` that are asked for."""
    return {"id": article.id, **{name: _OF_ARTICLE[name](article) for name in fields}}


def render_found(found: Found) -> shapes.Article:
    """One article with every field that the archive gives it."""
    article = cast("shapes.Article", render_article(found.article))
    article["related"] = [_related(link) for link in found.related]
    article["linked_from"] = [_related(link) for link in found.linked_from]
    return article


def render_suggestions(
    text: str, suggestions: Sequence[Suggestion], search: str, articles: str
) -> shapes.SuggestAnswer:
    """Completions of a text; `search` and `articles` are what their addresses begin with."""
    return {
        "q": text,
        "suggestions": [
            {
                "kind": each.kind,
                "text": each.text,
                "count": each.count,
                "id": each.id or None,
                "url": address_of_suggestion(each, search, articles),
            }
            for each in suggestions
        ],
    }


def render_timeline(timeline: Timeline, interval: Interval) -> shapes.TimelineAnswer:
    """Matches over time."""
    return {
        "interval": interval,
        "undated": timeline.undated,
        "times": [
            {
                "value": bucket.value,
                "first": bucket.first.isoformat(),
                "last": bucket.last.isoformat(),
                "count": bucket.count,
            }
            for bucket in timeline.buckets
        ],
    }


def render_status(status: Status) -> shapes.StatusAnswer:
    """What is served, in numbers: nothing about files and hidden articles, which are the operator's business."""
    return {
        "engine": status.engine,
        "generation": status.generation,
        "created": status.created,
        "articles": status.articles,
        "rejected": status.rejected,
        "newest": status.newest,
        "unpublished": cast("Any", status.unpublished),
        "archives": list(status.archives),
        "versions": _versions(),
    }


@cache
def _versions() -> dict[str, str]:
    """Kept: to look them up takes longer than all else of an answer."""
    return {"broadsheet": version("broadsheet"), "api": "1", "python": platform.python_version()}


def moment(when: datetime | None) -> str | None:
    """`2021-12-13T05:54:00Z`."""
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if when else None


def number(value: float | None) -> float | int | None:
    """A whole number without `.0`; what JSON cannot say (infinity) is null."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else value


def render_hit(hit: Hit, fields: Sequence[str] = HIT_FIELDS, *, html: bool = False) -> shapes.Hit:
    """One hit with the fields that are asked for."""
    article = hit.article
    rendered: dict[str, Any] = {"id": article.id}
    for name in fields:
        of_hit = _OF_HIT.get(name)
        rendered[name] = of_hit(hit) if of_hit else _OF_ARTICLE[name](article)
    if html:
        rendered["marked"] = _marked(hit)
    if hit.explanation:
        rendered["explanation"] = _explanation(hit.explanation)
    return cast("shapes.Hit", rendered)


def _highlights(hit: Hit) -> shapes.Highlights:
    ranges = hit.highlights
    return {"title": _ranges(ranges.get("title", ())), "excerpt": _ranges(ranges.get("excerpt", ()))}


def _snippet(hit: Hit) -> shapes.Snippet | None:
    snippet = hit.snippet
    return {"text": snippet.text, "highlights": _ranges(snippet.highlights)} if snippet else None


def _marked(hit: Hit) -> shapes.Marked:
    return {
        "title": marked_html(hit.article.title, hit.highlights.get("title", ())),
        "excerpt": marked_html(hit.article.excerpt, hit.highlights.get("excerpt", ())),
        "snippet": marked_html(hit.snippet.text, hit.snippet.highlights) if hit.snippet else None,
    }


def marked_html(text: str, ranges: Ranges) -> str:
    """Text as HTML: escaped, with ranges in `<mark>`."""
    parts, last = [], 0
    for start, end in ranges:
        parts += [escape(text[last:start]), "<mark>", escape(text[start:end]), "</mark>"]
        last = end
    return "".join([*parts, escape(text[last:])])


def _explanation(explanation: Explanation) -> shapes.Explanation:
    return {
        "value": explanation.value,
        "text": explanation.text,
        "operation": explanation.operation,
        "parts": [_explanation(part) for part in explanation.parts],
    }


def _provider(article: Article) -> shapes.Provider:
    provider = article.provider
    return {"name": provider.name or None, "domain": provider.domain or None}


def _provider_with_image(article: Article) -> shapes.Provider:
    return {**_provider(article), "image": article.provider.image or None}


def _image(image: Image) -> shapes.Image:
    return {"url": image.url, "width": image.width, "height": image.height, "title": image.title or None}


def _related(link: RelatedLink) -> shapes.Related:
    return {"url": safe_href(link.url) or None, "site": link.site, "id": link.id, "title": link.title or None}


def _ranges(ranges: Ranges) -> list[list[int]]:
    return [[start, end] for start, end in ranges]


def _note(note: Note, links: Links) -> shapes.Note:
    position = list(note.span) if note.span else None
    return {"kind": note.kind, "text": note.text, "url": links.note(note), "position": position}


def render_value(bucket: Bucket, facet: str, links: Links) -> shapes.Value:
    """One value of a facet, with the searches that choose and exclude it."""
    return {
        "value": bucket.value,
        "count": bucket.count,
        "selected": bucket.selected,
        "excluded": bucket.excluded,
        "toggle_url": links.toggle(facet, bucket),
        "exclude_url": links.toggle_excluded(facet, bucket),
    }


def _year(year: YearBucket, links: Links) -> shapes.Year:
    return {**_period(year, links), "months": [_period(month, links) for month in year.months]}


def _period(bucket: Bucket | YearBucket, links: Links) -> shapes.Value:
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


_OF_ARTICLE: dict[str, Callable[[Article], Any]] = {
    "archive": lambda article: article.archive,
    "path": lambda article: article.path,
    "title": lambda article: article.title,
    "excerpt": lambda article: article.excerpt,
    "url": lambda article: safe_href(article.address) or None,
    "original_url": lambda article: article.original_url or None,
    "web_url": lambda article: article.web_url or None,
    "amp_url": lambda article: article.amp_url or None,
    "cdn_amp_url": lambda article: article.cdn_amp_url or None,
    "own_url": lambda article: article.url or None,
    "provider": _provider_with_image,
    "authors": lambda article: list(article.authors),
    "topics": lambda article: list(article.topics),
    "published": lambda article: moment(article.published),
    "updated": lambda article: moment(article.updated),
    "type": lambda article: article.type or None,
    "category": lambda article: article.category or None,
    "length": lambda article: article.length or None,
    "levels": lambda article: list(article.levels),
    "quality": lambda article: number(article.quality),
    "heat": lambda article: number(article.heat),
    "image": lambda article: next(filter(None, (safe_href(image.url) for image in article.images)), None),
    "images": lambda article: [_image(image) for image in article.images],
    "text": lambda article: article.text,
    "body": lambda article: article.body,
    "body_format": lambda article: article.body_format,
    "extra": lambda article: _finite(article.extra),
}
_OF_HIT: dict[str, Callable[[Hit], Any]] = {
    "rank": lambda hit: hit.rank,
    "score": lambda hit: round(hit.score, 6),
    "full": lambda hit: hit.full,
    "provider": lambda hit: _provider(hit.article),
    "highlights": _highlights,
    "snippet": _snippet,
}
assert set(ARTICLE_FIELDS) == set(_OF_ARTICLE)
assert set(HIT_FIELDS) <= {*_OF_ARTICLE, *_OF_HIT}
