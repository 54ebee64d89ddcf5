"""The articles of one page: fetched, in the archive's own spelling, with what to mark in them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import repeat

from index.article import Article
from index.document import searched_text
from index.reader import Snapshot
from search.order import Page
from search.results import Hit
from search.snippets import Highlighter
from search.terms import TermClause

_FETCHED_AT_ONCE = 1_000


def marked(hits: Iterable[Hit], clauses: tuple[TermClause, ...]) -> Iterator[Hit]:
    """Hits with what to mark in them; `clauses` are what was looked for, none where nothing is to be marked."""
    highlighter = Highlighter(clauses)
    for hit in hits:
        article = hit.article
        yield replace(
            hit,
            highlights={
                "title": highlighter.ranges(article.title, "title"),
                "excerpt": highlighter.ranges(article.excerpt, "excerpt"),
            },
            snippet=highlighter.snippet(searched_text(article)["body"][0]) if article.text else None,
        )


def scanned(page: Page, snapshot: Snapshot) -> Iterator[Hit]:
    """The hits of a page without what to mark in them, each fetched when it is asked for."""
    row = page.row
    for start in range(0, len(row.documents), _FETCHED_AT_ONCE):
        some = row.only(slice(start, start + _FETCHED_AT_ONCE))
        scores = repeat(0.0) if some.scores is None else some.scores.tolist()
        full = repeat(True) if some.full is None else some.full.tolist()
        ranks = range(page.first_rank + start, page.first_rank + start + len(some.documents))
        for rank, number, score, holds_all in zip(ranks, some.documents.tolist(), scores, full, strict=False):
            yield Hit(rank, score, holds_all, canonical(snapshot, number), {}, None)


def canonical(snapshot: Snapshot, number: int) -> Article:
    """The article with its topics, type and category in the spelling that the archive uses most."""
    article = snapshot.article(number)

    columns = snapshot.columns

    def spelled(name: str, value: str) -> str:
        column = columns[name]
        return column.values[column.folded[value.casefold()]] if value else ""

    topics = tuple([spelled("topic", topic) for topic in article.topics])
    kind, category = spelled("type", article.type), spelled("category", article.category)
    if (topics, kind, category) == (article.topics, article.type, article.category):
        return article
    return replace(article, topics=topics, type=kind, category=category)
