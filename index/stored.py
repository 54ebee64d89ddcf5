"""Stored articles: compressed one by one, against a dictionary of what the articles of a segment have in common."""

from collections.abc import Sequence

import zstandard

LEVEL = 3
DICTIONARY_BYTES = 32_768
WORTH_KEEPING = 1_000  # articles of a segment from which its dictionary is as good for the next ones

_TRAINED_FROM = 100  # fewer are too few to learn from
_SAMPLES = 1_000
_SHARE = 64  # of that many articles a piece each, where there are too few to learn from


def make_dictionary(articles: Sequence[bytes]) -> bytes:
    """What some articles have in common."""
    if len(articles) >= _TRAINED_FROM:
        try:
            samples = list(articles[:: len(articles) // _SAMPLES or 1])
            trained = zstandard.train_dictionary(DICTIONARY_BYTES, samples)  # type: ignore[arg-type]  # bytes will do
        except zstandard.ZstdError:  # they have too little in common
            pass
        else:
            return bytes(trained.as_bytes())
    step = len(articles) // _SHARE or 1
    return b"".join(each[: DICTIONARY_BYTES // _SHARE] for each in articles[::step][:_SHARE])


def compressor(dictionary: bytes) -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(level=LEVEL, dict_data=zstandard.ZstdCompressionDict(dictionary))


def decompressor(dictionary: bytes) -> zstandard.ZstdDecompressor:
    """One for articles that were compressed against `dictionary`; not to be shared between threads.

    Raises:
        ValueError: that is no dictionary.
    """
    try:
        return zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(dictionary))
    except zstandard.ZstdError as error:
        raise ValueError("the dictionary of stored articles is damaged") from error
