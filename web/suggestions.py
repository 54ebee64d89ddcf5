"""Suggestions as browsers' address bars read them: the OpenSearch suggestions extension, 1.1, as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search.results import Suggestion
from web.links import address_of_suggestion
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
        [address_of_suggestion(suggestion, bases.search, bases.article) for suggestion in suggestions],
    ]


def _description(suggestion: Suggestion, texts: Texts) -> str:
    if suggestion.kind == "title":
        return texts.say("Article")
    articles = texts.articles(suggestion.count)
    return texts.say("Topic, {articles}", articles=articles) if suggestion.kind == "topic" else articles
