"""The field table, declared once; engines derive their own schema from it.

Each text field is indexed as two streams of terms (`index.analysis`), to Whoosh two fields: `title` holds exact terms,
`title_stem` stems. Keyword fields hold whole values. The column `article` holds the article itself, as JSON.
"""

import hashlib
from dataclasses import dataclass

from whoosh import columns, fields, formats

from index.analysis import fingerprint as analyzer_fingerprint

FORMAT = 3  # of everything in a generation besides the field table; raised when older code could misread newer files


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


def whoosh_schema() -> fields.Schema:
    """The table as Whoosh sees it in a generation (`index.codec`)."""
    schema = fields.Schema(article=fields.COLUMN(columns.VarBytesColumn()))
    for field in TEXT_FIELDS:
        schema.add(field.name, fields.FieldType(formats.Positions(), None, scorable=True))
        schema.add(field.stem, fields.FieldType(formats.Positions(), None, scorable=True))
    for name in ("id", "url", *KEYWORD_FIELDS):
        schema.add(name, fields.FieldType(formats.Existence(), None))
    return schema


def fingerprint() -> str:
    """What an index depends on besides the articles: format, fields with their weights, what the analyzer does."""
    fields_ = [(field.name, field.weight) for field in TEXT_FIELDS]
    parts = (FORMAT, fields_, HALF, KEYWORD_FIELDS, analyzer_fingerprint())
    return hashlib.sha256(repr(parts).encode()).hexdigest()
