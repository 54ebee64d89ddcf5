"""Random articles, and what a segment must say of them, worked out article by article from `index.analysis.tokens`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from index.analysis import tokens
from index.article import Article, Provider
from index.document import address_hashes, facet_values, published_seconds, searched_text
from index.schema import EXACT, HALF, KEYWORD_FIELDS, STEM, TEXT_FIELDS
from index.writer import ArrayWriter

SPELLINGS = """
    cloud clouds Cloud cloudy azure Azure data Data hub hubs datahub DataHub data-hub power apps PowerApps multi-cloud
    multicloud low-code state-of-the-art C# C++ F# ASP.NET .NET Node.js AT&T R&D IT it US us U.S. A.I. AI ai AWS VMs vms
    3.0 v1.2 1,000 5G café cafe cafés Zürich Straße STRASSE O’Reilly’s don't run runs running snake_case __init__ _
    東京都 東京 京都 都 東京Azure azure東京 日本語 ภาษาไทย हिन्दी 한국어 ｆｕｌｌ ﬁne 𠮷野家 𝒻ancy e-mail -x- x--y
    a.b.c.d.e.f internationalization internationalizations internationality \x1c \x85 ¿qué?
"""
WORDS = tuple(SPELLINGS.split(" "))
TOPICS = ("AI", "ai", "Azure", "AZURE", "Straße", "STRASSE", "low-code", "東京", "Topic 1", "Topic 2")
KINDS = ("article", "Article", "Video Course", "video", "")
RELATED = (*(f"http://x.example/{number}/" for number in range(1, 7)), "https://x.example/1", "no address")
TIMES = (datetime(2020, 2, 29, 8, 30, tzinfo=UTC), datetime(1969, 7, 20, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC))


def text(random: Random, least: int, most: int) -> str:
    words = [random.choice(WORDS) for _ in range(random.randint(least, most))]
    joined = "".join(word + random.choice([" ", " ", " ", "\n", "\u3000", "\x1d", "-", ", ", "_"]) for word in words)
    return joined.upper() if random.random() < 0.1 else joined


def article(random: Random, identity: str) -> Article:
    """A random article; dates are often equal or missing."""
    return Article(
        id=identity,
        archive="a",
        path=identity.removeprefix("a/"),
        title=text(random, 0, 4),
        excerpt=text(random, 0, 6),
        text=text(random, 0, 20),
        type=random.choice(KINDS),
        category=random.choice(KINDS),
        published=random.choice([None, *TIMES]),
        quality=random.choice([None, 0, 12.5]),
        heat=random.choice([None, -1.0, 3694.0]),
        provider=Provider(random.choice(["Open Harbour", "C# Weekly", ""]), random.choice(["harbour.example", ""])),
        authors=tuple(text(random, 1, 2) for _ in range(random.randint(0, 2))),
        topics=tuple(random.sample(TOPICS, random.randint(0, 3))),
        original_url=random.choice(["", f"https://x.example/{random.randint(1, 9)}"]),
        web_url=random.choice(["", f"https://www.y.example/{identity}?utm_source=z"]),
        related=tuple(random.sample(RELATED, random.randint(0, 3))),
    )


def articles(random: Random, count: int) -> list[Article]:
    """Articles of different ids."""
    return [article(random, f"a/{random.choice('abBé')}{number}") for number in random.sample(range(10_000), count)]


def change(random: Random, held: dict[str, Article], directory: Path, added: int, updated: int, deleted: int) -> None:
    """Change an archive and commit the change."""
    writer = ArrayWriter(directory)
    chosen = random.sample(sorted(held), min(updated + deleted, len(held)))
    new = [replace(each, id=f"{each.id}-{random.random()}") for each in articles(random, added)]
    for identity in chosen:
        writer.delete(identity)
        del held[identity]
    for each in [*new, *(article(random, identity) for identity in chosen[:updated])]:
        writer.add(each)
        held[each.id] = each
    writer.commit()


@dataclass(frozen=True)
class Plain:
    """One article.

    Attributes:
        places: positions by field, stream and term, counted from the start of the field.
        extents: positions that each text field takes, one free one after each value included.
        length: weighted tokens, in halves.
    """

    article: Article
    places: dict[tuple[str, str], dict[str, list[int]]]
    extents: dict[str, int]
    length: int

    def keywords(self, name: str) -> set[str]:
        """The terms of a keyword field."""
        if name == "id":
            return {self.article.id}
        if name == "url":
            return {f"{address:016x}" for address in address_hashes(self.article)}
        return {value.casefold() for value in facet_values(self.article)[name]}

    def whoosh(self) -> dict[str, dict[bytes, list[int]]]:
        """Positions by the field that Whoosh sees and by term; of a keyword none but how often: once."""
        found: dict[str, dict[str, list[int]]] = {}
        for field in TEXT_FIELDS:
            found[field.name] = self.places[field.name, EXACT]
            found[field.stem] = self.places[field.name, STEM]
        for name in ("id", "url", *KEYWORD_FIELDS):
            found[name] = {term: [0] for term in self.keywords(name)}
        return {name: {term.encode(): places for term, places in terms.items()} for name, terms in found.items()}

    def postings(self, stream: str) -> dict[str, tuple[list[int], int]]:
        """By term the positions in the row of all fields, and their weight in halves."""
        found: dict[str, tuple[list[int], int]] = {}
        start = 0
        for field in TEXT_FIELDS:
            for term, places in self.places[field.name, stream].items():
                before, weight = found.get(term, ([], 0))
                found[term] = [*before, *(start + place for place in places)], weight + len(places) * half(field.weight)
            start += self.extents[field.name]
        return found


def half(weight: float) -> int:
    return round(weight * HALF)


def plain(each: Article) -> Plain:
    """What is to be indexed of an article."""
    places: dict[tuple[str, str], dict[str, list[int]]] = {}
    extents: dict[str, int] = {}
    length = 0
    for field in TEXT_FIELDS:
        base = 0
        exact = places[field.name, EXACT] = {}
        stem = places[field.name, STEM] = {}
        for value in searched_text(each)[field.name]:
            found = tokens(value)
            for token in found:
                for stream, term in ((exact, token.exact), (stem, token.stem)):
                    known = stream.setdefault(term, [])
                    known[:] = sorted({*known, base + token.position})
            length += sum(not token.extra for token in found) * half(field.weight)
            base += max((token.position for token in found), default=-1) + 2
        extents[field.name] = base
    return Plain(each, places, extents, length)


def in_order(held: Iterable[Article]) -> list[Article]:
    """Newest first, undated last, equal dates by id."""
    return sorted(held, key=lambda each: (each.published is None, -published_seconds(each), each.id))


def all_terms(held: Sequence[Plain]) -> list[tuple[str, bytes]]:
    """The terms of all fields that Whoosh sees, in its order."""
    return sorted({(name, term) for each in held for name, terms in each.whoosh().items() for term in terms})
