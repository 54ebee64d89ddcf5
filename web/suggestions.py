"""Suggestions as browsers' address bars read them: the OpenSearch suggestions extension, 1.1, as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search.query import Filters, Query
from search.results import Suggestion
from web.links import address, path_of
from web.texts import Texts

MEDIA_TYPE = "application/x-suggestions+json"


@dataclass(frozen=True, slots=True)
class SuggestionBases:
    """Absolute addresses that parameters and ids are appended to."""

    search: str
    article: str


def build_suggestions(text: str, suggestions: Sequence[Suggestion], bases: SuggestionBases, texts: Texts) -> list[Any]:
    """What was typed, then as many completions as descriptions as addresses, in the order of `suggestions`."""
    return [
        text,
        [suggestion.text for suggestion in suggestions],
        [_description(suggestion, texts) for suggestion in suggestions],
        [_address(suggestion, bases) for suggestion in suggestions],
    ]


def _description(suggestion: Suggestion, texts: Texts) -> str:
    if suggestion.kind == "title":
        return texts.say("Article")
    articles = texts.articles(suggestion.count)
    return texts.say("Topic, {articles}", articles=articles) if suggestion.kind == "topic" else articles


def _address(suggestion: Suggestion, bases: SuggestionBases) -> str:
    if suggestion.kind == "title":
        return path_of(bases.article, suggestion.id)
    if suggestion.kind == "topic":
        return address(bases.search, Query(filters=Filters(chosen={"topic": (suggestion.text,)})))
    return address(bases.search, Query(text=suggestion.text))
