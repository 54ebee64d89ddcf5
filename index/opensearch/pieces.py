"""The state of an index on a cluster: `index.state.State` in pieces that fit into documents.

Each piece is a document `state-0`, `state-1` … beside the manifest: its text compressed by itself, in base64, with the
generation that it is of and how many there are, so that pieces of different writers are never taken for one state.
"""

import base64
from typing import Any

import zstandard

from index.opensearch.connection import AnsweredError, Cluster
from index.opensearch.refusals import demand, refusal
from index.opensearch.store import MALFORMED, damaged, state_of
from index.state import State

PIECE_BYTES = 8_000_000  # before compression
MOST_PIECES = 1_000


def save_state(cluster: Cluster, index: str, generation: str, state: State) -> None:
    """Write a state beside an index, over an earlier one.

    Args:
        cluster: where.
        index: by its own name.
        generation: that the state is of.
        state: what the generation was made from.
    """
    text = state.to_json().encode("ascii")
    compressor = zstandard.ZstdCompressor()
    starts = range(0, len(text), PIECE_BYTES)
    for number, start in enumerate(starts):
        packed = compressor.compress(text[start : start + PIECE_BYTES])
        data = base64.b64encode(packed).decode("ascii")
        piece = {"generation": generation, "of": len(starts), "data": data}
        demand(cluster, "PUT", _path(index, number), {"piece": piece})
    _remove_from(cluster, index, len(starts))


def _remove_from(cluster: Cluster, index: str, number: int) -> None:
    """Remove the pieces that a longer state left."""
    while True:
        try:
            cluster.ask("DELETE", _path(index, number))
        except AnsweredError as error:
            if error.status == 404:
                return
            raise refusal(cluster, error) from error
        number += 1


def load_state(cluster: Cluster, index: str, generation: str) -> State:
    """The state that `save_state` wrote.

    Raises:
        DamagedIndexError: it is not there, not whole, or not of this generation.
        EngineUnreachableError: see `index.opensearch.refusals`.
    """
    text = bytearray()
    number, count = 0, 1
    while number < count:
        try:
            source = cluster.ask("GET", _path(index, number)).get("_source")
        except AnsweredError as error:
            if error.status == 404:
                raise damaged(cluster, "a part of its state is missing") from error
            raise refusal(cluster, error) from error
        try:
            count = _add_piece(text, source, generation)
        except (*MALFORMED, zstandard.ZstdError) as error:
            raise damaged(cluster, "its state is malformed") from error
        number += 1
    try:
        return State.from_json(bytes(text))
    except MALFORMED as error:
        raise damaged(cluster, "its state is malformed") from error


def _add_piece(text: bytearray, source: Any, generation: str) -> int:
    """Append the text of a piece; returns how many pieces there are."""
    piece = source["piece"]
    count = piece["of"]
    if piece["generation"] != generation or type(count) is not int or not 1 <= count <= MOST_PIECES:
        raise ValueError("a piece of something else")
    packed = base64.b64decode(piece["data"], validate=True)
    with zstandard.ZstdDecompressor().stream_reader(packed) as reader:  # bounded, whatever the piece says of itself
        unpacked = reader.read(PIECE_BYTES + 1)
    if len(unpacked) > PIECE_BYTES:
        raise ValueError("too long a piece")
    text += unpacked
    return count


def _path(index: str, number: int) -> str:
    return f"/{state_of(index)}/_doc/state-{number}"
