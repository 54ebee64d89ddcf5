"""Article -> document: what is indexed of an article, and the facts kept beside it for ranking and facets."""

import json
import math
from dataclasses import dataclass
from typing import Any

from index.analysis import streams, tokens
from index.article import Article, to_json
from index.schema import KEYWORD_FIELDS, TEXT_FIELDS
from index.urls import address_key

_MIN_LEAD_TOKENS = 5


@dataclass(frozen=True, slots=True)
class Facts:
    """What ranking, facets and filters need of an article.

    Attributes:
        published: seconds since 1970 (UTC), None for an undated article.
        lengths: tokens by field, in the order of `TEXT_FIELDS`.
        values: facet values by facet: topic, provider, type, category.
    """

    id: str
    published: int | None
    quality: float | None
    heat: float | None
    lengths: tuple[int, ...]
    values: dict[str, tuple[str, ...]]


def facts_to_json(facts: Facts) -> bytes:
    row = [facts.id, facts.published, facts.quality, facts.heat, facts.lengths, facts.values]
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def facts_from_json(data: bytes) -> Facts:
    identity, published, quality, heat, lengths, values = json.loads(data)
    return Facts(identity, published, quality, heat, tuple(lengths), {name: tuple(v) for name, v in values.items()})


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


def document(article: Article) -> dict[str, Any]:
    """The fields of one document, as `index.schema.whoosh_schema` declares them."""
    text = searched_text(article)
    analyzed = {field: streams(text[field.name]) for field in TEXT_FIELDS}
    values = facet_values(article)
    facts = Facts(
        id=article.id,
        published=math.floor(article.published.timestamp()) if article.published else None,
        quality=article.quality,
        heat=article.heat,
        lengths=tuple(stream.length for stream in analyzed.values()),
        values=values,
    )
    fields: dict[str, Any] = {
        "id": (article.id,),
        "url": tuple(dict.fromkeys(filter(None, map(address_key, article.addresses)))),
        "facts": facts_to_json(facts),
        "article": to_json(article).encode("utf-8"),
    }
    for field, stream in analyzed.items():
        fields[field.name] = stream.exact
        fields[field.stem] = stream.stem
    for name in KEYWORD_FIELDS:
        fields[name] = tuple(dict.fromkeys(value.casefold() for value in values[name]))
    return fields
