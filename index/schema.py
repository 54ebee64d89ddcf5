"""The field table, declared once; engines derive their own schema from it.

Each text field is indexed as two streams of terms (`index.analysis`): `title` holds exact terms, `title_stem` stems.
Keyword fields hold whole values. The columns `facts` and `article` hold what is read back by document number.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from whoosh import columns, fields, formats

from index.analysis import fingerprint as analyzer_fingerprint

FORMAT = 2  # of everything in a generation besides the field table; raised when older code could misread newer files


@dataclass(frozen=True, slots=True)
class TextField:
    """One searched field.

    Attributes:
        weight: how much an occurrence counts in BM25F; a title's words say most.
    """

    name: str
    weight: float

    @property
    def stem(self) -> str:
        """Name of the stream of stems."""
        return f"{self.name}_stem"


TEXT_FIELDS = (
    TextField("title", weight=3.0),
    TextField("excerpt", weight=1.0),
    TextField("body", weight=1.0),
    TextField("topic", weight=0.5),
    TextField("provider", weight=0.5),
    TextField("author", weight=1.5),
)
KEYWORD_FIELDS = ("type", "category")

EXACT, STEM = "exact", "stem"
"""The two streams of terms of every text field."""

HALF = 2  # weights of fields are multiples of one half, so that sums of them are whole numbers of halves
UNDATED = -(1 << 63)  # in place of the seconds since 1970 of an undated article


class StreamField(fields.FieldType):  # type: ignore[misc]  # Whoosh has no type information
    """Terms that were analyzed already: the value is a mapping of term to ascending positions."""

    def __init__(self) -> None:
        super().__init__(formats.Positions(), None, scorable=True)

    def index(self, value: dict[str, list[int]], **_: object) -> Iterator[tuple[bytes, int, float, bytes]]:
        for term, positions in value.items():
            yield term.encode("utf-8"), len(positions), float(len(positions)), self.format.encode(positions)


class TermsField(fields.FieldType):  # type: ignore[misc]
    """Whole values: the value is a sequence of distinct terms."""

    def __init__(self) -> None:
        super().__init__(formats.Existence(), None)

    def index(self, value: tuple[str, ...], **_: object) -> Iterator[tuple[bytes, int, float, bytes]]:
        for term in value:
            yield term.encode("utf-8"), 1, 1.0, b""


def whoosh_schema() -> fields.Schema:
    """The table as Whoosh wants it."""
    schema = fields.Schema(
        id=TermsField(),
        url=TermsField(),
        facts=fields.COLUMN(columns.VarBytesColumn()),
        article=fields.COLUMN(columns.CompressedBytesColumn(level=6)),
    )
    for field in TEXT_FIELDS:
        schema.add(field.name, StreamField())
        schema.add(field.stem, StreamField())
    for name in KEYWORD_FIELDS:
        schema.add(name, TermsField())
    return schema


def fingerprint() -> str:
    """What an index depends on besides the articles: format, fields, and what the analyzer does."""
    names = [field.name for field in TEXT_FIELDS]
    parts = (FORMAT, names, KEYWORD_FIELDS, analyzer_fingerprint())
    return hashlib.sha256(repr(parts).encode()).hexdigest()
