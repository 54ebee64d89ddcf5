"""Asking for what the API answers: a local index (`web.local`) or a served site (`web.remote`), in one way.

Both take the API's parameters as they are written in addresses and give the same JSON values, in the shapes of
`web.shapes`. Each is imported when it is asked for: a site is asked without waiting for the engine to be loaded.
"""

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Protocol

from web import shapes

Written = Sequence[tuple[str, str]]
"""Parameters of the API, by name, as they are written in an address."""


class Client(Protocol):
    """Answers as the API does; safe to share between threads.

    Besides what each method names, all raise ParameterError for a parameter that cannot be read, and BroadsheetError
    where there is no answer: IndexUnusableError for an index that is not there or cannot serve,
    EngineUnreachableError for a site that does not answer as it should.
    """

    def make_ready(self) -> None:
        """Open what questions would otherwise open; a site is not asked yet."""

    def search(self, parameters: Written) -> shapes.SearchAnswer: ...

    def article(self, article_id: str) -> shapes.Article:
        """One article.

        Raises:
            UsageError: there is none with this id, or none that may be shown.
        """

    def similar(self, article_id: str, parameters: Written) -> shapes.SimilarAnswer:
        """What is most like an article.

        Raises:
            UsageError: there is none with this id, or none that may be shown.
        """

    def suggest(self, parameters: Written) -> shapes.SuggestAnswer: ...

    def values(self, facet: str, parameters: Written) -> shapes.ValuesAnswer:
        """The values of a facet, which is one of `search.query.FACETS`."""

    def export(self, parameters: Written) -> Iterator[bytes]:
        """All matches, in pieces of UTF-8 that are worked out as they are asked for.

        What is wrong with the parameters is raised at once; an answer that breaks off raises EngineUnreachableError.
        """

    def close(self) -> None:
        """Release files and connections."""


def open_client(index: str | None = None, url: str | None = None) -> Client:
    """The client of a served site where `url` is given, else that of the local index.

    Args:
        index: directory of the index; None for the one that the settings name.
        url: address of a site's front page.

    Raises:
        UsageError: the address cannot be one, or a setting is wrong.
    """
    client: Client = (
        import_module("web.remote").RemoteClient(url) if url else import_module("web.local").open_local(index)
    )
    return client


def no_such_article(article_id: str) -> str:
    """The sentence that says so."""
    return f"There is no article with the id “{article_id}”, or none that may be shown."
