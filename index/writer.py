"""The embedded engine's writer: documents into the Whoosh segments of a generation that is being written."""

from pathlib import Path
from typing import Protocol

from whoosh.filedb.filestore import FileStorage

from index.article import Article
from index.document import document
from index.schema import whoosh_schema

_BUFFER_MB = 256
_MERGE_ALL_FROM = 0.25  # share of deleted documents from which all segments are written anew


class Writer(Protocol):
    """What a reindex needs of an engine."""

    def delete(self, article_id: str) -> None:
        """Remove an article that an earlier generation holds."""

    def add(self, article: Article) -> None:
        """Add an article; one id only once, and after its `delete`."""

    def commit(self) -> None:
        """Write everything out."""

    def cancel(self) -> None:
        """Forget everything since the writer was opened."""


class WhooshWriter:
    """Writes into `directory`, which holds links to the previous generation's files or nothing."""

    def __init__(self, directory: Path) -> None:
        storage = FileStorage(str(directory))
        if storage.index_exists():
            self._index = storage.open_index()
        else:
            self._index = storage.create_index(whoosh_schema())
        self._directory = directory
        self._before = self._index.reader()
        self._writer = self._index.writer(limitmb=_BUFFER_MB)

    def delete(self, article_id: str) -> None:
        for document_number in self._before.postings("id", article_id).all_ids():
            self._writer.delete_document(document_number)

    def add(self, article: Article) -> None:
        self._writer.add_document(**document(article))

    def commit(self) -> None:
        documents = sum(segment.doc_count_all() for segment in self._writer.segments)
        deleted = self._writer.deleted_count()
        self._writer.commit(optimize=deleted > documents * _MERGE_ALL_FROM)
        self._finish()

    def cancel(self) -> None:
        self._writer.cancel()
        self._finish()

    def _finish(self) -> None:
        self._before.close()
        self._index.close()
        for lock in self._directory.glob("*_WRITELOCK"):
            lock.unlink()
