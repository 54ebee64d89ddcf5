"""A local index as a client: the engine, and answers as the API has them."""

from collections.abc import Iterator
from functools import cached_property

from index.errors import UsageError
from index.settings import Settings, load_settings
from search.engine import Engine, open_engine
from web import shapes
from web.answers import (
    export_pieces,
    search_answer,
    search_links,
    search_query,
    similar_answer,
    suggest_answer,
    values_answer,
)
from web.client import Written, no_such_article
from web.links import ROOT
from web.params import (
    ExportParameters,
    SearchParameters,
    SimilarParameters,
    SuggestParameters,
    ValuesParameters,
    clean,
    parse,
)
from web.render import render_found


def open_local(index: str | None) -> "LocalClient":
    """The client of the index that the settings name, or of the directory `index`.

    Raises:
        UsageError: a setting is wrong.
    """
    return LocalClient(load_settings(index=index))


class LocalClient:
    """See `web.client.Client`; the index is opened when it is needed, so that wrong parameters are told before."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def engine(self) -> Engine:
        return open_engine(self.settings)

    def make_ready(self) -> None:
        _ = self.engine

    def search(self, parameters: Written) -> shapes.SearchAnswer:
        asked = parse(SearchParameters, parameters)
        query = search_query(asked, self.settings)
        links = search_links(ROOT, query, self.settings, parameters)
        return search_answer(asked, query, self.engine.search(query), links)

    def article(self, article_id: str) -> shapes.Article:
        found = self.engine.get(clean(article_id))
        if found is None:
            raise UsageError(no_such_article(article_id))
        return render_found(found)

    def similar(self, article_id: str, parameters: Written) -> shapes.SimilarAnswer:
        asked = parse(SimilarParameters, parameters)
        found = similar_answer(self.engine, asked, clean(article_id))
        if found is None:
            raise UsageError(no_such_article(article_id))
        return found

    def suggest(self, parameters: Written) -> shapes.SuggestAnswer:
        asked = parse(SuggestParameters, parameters)
        return suggest_answer(self.engine, asked, ROOT)

    def values(self, facet: str, parameters: Written) -> shapes.ValuesAnswer:
        asked = parse(ValuesParameters, parameters)
        return values_answer(self.engine, self.settings, asked, facet, root=ROOT, pairs=parameters)

    def export(self, parameters: Written) -> Iterator[bytes]:
        asked = parse(ExportParameters, parameters)
        return export_pieces(self.engine, self.settings, asked)

    def close(self) -> None:
        if "engine" in self.__dict__:
            self.engine.close()
