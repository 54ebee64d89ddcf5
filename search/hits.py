"""The articles of one page: fetched, in the archive's own spelling, with what to mark in them."""

from collections.abc import Iterator
from dataclasses import replace

from index.article import Article
from index.document import searched_text
from index.reader import Snapshot
from search.order import Page
from search.query import Query
from search.results import Hit
from search.snippets import Highlighter
from search.terms import TermClause


def make_hits(query: Query, page: Page, clauses: tuple[TermClause, ...], snapshot: Snapshot) -> Iterator[Hit]:
    """The hits of a page; `clauses` are what was looked for."""
    highlighter = Highlighter(clauses if query.highlight else ())
    for i, number in enumerate(page.documents.tolist()):
        article = canonical(snapshot, number)
        yield Hit(
            rank=(query.page - 1) * query.size + i + 1,
            score=0.0 if page.scores is None else float(page.scores[i]),
            full=page.full is None or bool(page.full[i]),
            article=article,
            highlights={
                "title": highlighter.ranges(article.title, "title"),
                "excerpt": highlighter.ranges(article.excerpt, "excerpt"),
            },
            snippet=highlighter.snippet(searched_text(article)["body"][0]) if article.text else None,
        )


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
