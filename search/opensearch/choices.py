"""Filters and facets on a cluster: the reader's choices and exclusions as queries, every value counted by aggregations.

What is counted is told in `search.facets`. A list of the most frequent values that OpenSearch puts together from its
shards may be wrong where there are many; it says by how much, and where that could matter all values are counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from index.opensearch.connection import Json
from index.opensearch.mapping import sendable, spelled_field
from search.dates import period
from search.limits import Deadline, OutOfTimeError
from search.opensearch.dsl import both, neither, published_between
from search.opensearch.known import Known
from search.opensearch.view import PAGE, split_spelled
from search.query import FACETS, SHOWN, Filters, Range
from search.results import Bucket, YearBucket
from search.values import begins

_ASKED = 10 * SHOWN  # values of a facet that are asked for, to show some of them
_PER_SHARD = 5 * _ASKED


@dataclass(frozen=True, slots=True)
class Counts:
    """How many articles have each value, how many have none, and how many each excluded value alone keeps out.

    Attributes:
        values: by name; the shown ones are right and all that can be shown are there.
        chosen: how many have each chosen value, by its folded form.
    """

    values: dict[str, int]
    without: int
    chosen: dict[str, int] = field(default_factory=dict)
    kept_out: dict[str, int] = field(default_factory=dict)


class Choices:
    """The filters of one query.

    Args:
        filters: the reader's choices and exclusions.
        known: the view that is asked.
        deadline: when time is out.
    """

    def __init__(self, filters: Filters, known: Known, deadline: Deadline) -> None:
        self._filters = filters
        self._known = known
        self._deadline = deadline
        self.cut = False
        """Whether time ran out before all values of a facet were counted, so that others may be as frequent."""
        self._choices: dict[str, Json] = {}
        self._exclusions: dict[str, Json] = {}
        self._chosen = {name: _folded(filters.chosen.get(name, ())) for name in FACETS}
        self._excluded = {name: _folded(filters.excluded.get(name, ())) for name in FACETS}
        for name in FACETS:
            self._choose(name, {"terms": {name: self._chosen[name]}} if self._chosen[name] else None, name)
            if self._excluded[name]:
                self._exclusions[name] = neither([{"terms": {name: self._excluded[name]}}])
        some_time = filters.start is not None or filters.end is not None
        self._choose("date", published_between(Range(filters.start, filters.end)) if some_time else None, "published")

    def _choose(self, name: str, chosen: Json | None, stored: str) -> None:
        queries = [] if chosen is None else [chosen]
        if name in self._filters.missing:
            queries.append(neither([{"exists": {"field": stored}}]))
        if queries:
            self._choices[name] = {"bool": {"should": queries, "minimum_should_match": 1}}

    def left(self, unchosen: str = "", unexcluded: str = "") -> list[Json]:
        """Queries that the articles must all match which the filters leave.

        Args:
            unchosen: a facet whose choices are set aside.
            unexcluded: a facet whose exclusions are set aside.
        """
        queries = [query for name, query in self._choices.items() if name != unchosen]
        return queries + [query for name, query in self._exclusions.items() if name != unexcluded]

    # What is asked

    def aggregations(self, facets: Mapping[str, int]) -> Json:
        """Those that count the values of some facets, see `Query.facets`, over what a search finds."""
        found: Json = {}
        for name, limit in facets.items():
            if name == "date":
                found["date"] = self._among(name, {"values": _terms("month", PAGE), **_without("published")})
                continue
            inside: Json = _without(name)
            if limit:
                inside["values"] = _terms(spelled_field(name), max(_ASKED, 2 * limit))
            if self._chosen[name]:
                inside["chosen"] = _each({value: {"term": {name: value}} for value in self._chosen[name]})
            found[name] = self._among(name, inside)
            excluded = self._excluded[name]
            if excluded:
                alone = {value: _alone(name, value, excluded) for value in excluded}
                left = both(self.left(unexcluded=name))
                found[_kept_out(name)] = {"filter": left, "aggs": {"each": _each(alone)}}
        return found

    def _among(self, name: str, inside: Json) -> Json:
        return {"filter": both(self.left(unchosen=name)), "aggs": inside}

    # What is answered

    def counts(self, name: str, limit: int | None, answer: Json, matches: Json) -> Counts:
        """What the aggregations of one facet say.

        Args:
            name: of the facet.
            limit: how many of the most frequent values are shown; None for all.
            answer: the part of a search's answer that is about `aggregations`.
            matches: the query for all matches.

        Raises:
            OutOfTimeError: there is no time to count all.
        """
        among = answer[name]
        query = both([matches, *self.left(unchosen=name)])
        try:
            values = self._all(name, query) if limit is None else self._most_frequent(name, limit, among, query)
        except OutOfTimeError:
            if limit is None:
                raise
            self.cut = True
            values = self._summed(name, _pairs(among))
        return Counts(
            values=values,
            without=among["without"]["doc_count"],
            chosen=_counts_of(among.get("chosen")),
            kept_out=_counts_of(answer[_kept_out(name)]["each"]) if _kept_out(name) in answer else {},
        )

    def _most_frequent(self, name: str, limit: int, among: Json, query: Json) -> dict[str, int]:
        """The values that a list of the most frequent ones has, and others that are to be shown with them."""
        if "values" not in among or not among["values"]["sum_other_doc_count"]:
            return self._summed(name, _pairs(among))
        if not self._right(name, limit, among["values"]):
            return self._all(name, query)
        found = self._summed(name, _pairs(among))
        # Of a value with several spellings, some may be so rare that the list has not got them.
        spelled = self._known.view.published.spellings.get(name, {})
        several = {value: spelled[value] for value in _folded(list(found)) if value in spelled}
        asked = [both([query, {"term": {name: value}}]) for value in several]
        counts = self._known.tally(asked, self._deadline)
        return found | dict(zip(several.values(), counts, strict=True))

    def _all(self, name: str, query: Json) -> dict[str, int]:
        stored = "month" if name == "date" else spelled_field(name)
        return self._summed(name, self._known.view.walk(stored, query, self._deadline))

    def _summed(self, name: str, pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
        """Counts by value, of values as they are in fields with spellings."""
        values: dict[str, int] = {}
        for key, count in pairs:
            value = key if name == "date" else self._known.view.spelling(name, split_spelled(key)[1])
            values[value] = values.get(value, 0) + count
        return values

    def _right(self, name: str, limit: int, values: Json) -> bool:
        """Whether a list of the most frequent values, which are not all, has those that are to be shown."""
        buckets = values["buckets"]
        if name == "date" or len(buckets) < limit:
            return False
        unseen = max(buckets[-1]["doc_count"], values["doc_count_error_upper_bound"])
        shown = buckets[:limit]
        exact = not any(bucket["doc_count_error_upper_bound"] for bucket in buckets)
        # A value of several spellings has a bucket for each, and together they may stand before those shown.
        return exact and bool(shown[-1]["doc_count"] > unseen * self._known.view.published.most_spellings)

    # Buckets

    def facet(self, name: str, counted: Counts, limit: int | None) -> tuple[Bucket, ...]:
        """The buckets of one facet, in the order of `search.facets.Choices.facet`."""
        names = self._known.names(name, [*self._chosen[name], *self._excluded[name]])
        chosen = {names[value]: value for value in self._chosen[name] if value in names}
        order = sorted(counted.values, key=lambda value: (-counted.values[value], value))[:limit]
        counts = counted.values | {value: counted.chosen[folded] for value, folded in chosen.items()}
        more = sorted(chosen.keys() - set(order), key=lambda value: (-counts[value], value))
        order += [value for value in more if counts[value]]
        order += sorted((value for value in more if not counts[value]), key=chosen.__getitem__)
        buckets = [Bucket(value, counts[value], value in chosen) for value in order]
        typed = dict.fromkeys(self._filters.chosen.get(name, ()))
        buckets += [Bucket(value, 0, selected=True) for value in typed if _fold(value) not in names]
        kept_out = {value: 0 for value in self._filters.excluded.get(name, ()) if _fold(value) not in names}
        kept_out |= {names[value]: counted.kept_out[value] for value in self._excluded[name] if value in names}
        pairs = sorted(kept_out.items(), key=lambda pair: (-pair[1], pair[0]))
        buckets += [Bucket(value, count, excluded=True) for value, count in pairs]
        selected = name in self._filters.missing
        if counted.without or selected:
            buckets.append(Bucket(None, counted.without, selected))
        return tuple(buckets)

    def beginning(self, name: str, counted: Counts, beginning: str) -> tuple[Bucket, ...]:
        """All buckets of one facet whose value begins so (`search.values.beginning_of`), in the order of `facet`."""
        return tuple([
            bucket
            for bucket in self.facet(name, counted, limit=None)
            if bucket.value is not None and begins(bucket.value, beginning)
        ])

    def dates(self, counted: Counts) -> tuple[YearBucket, ...]:
        """Years with their months, newest first, undated articles last."""
        years: dict[str, list[Bucket]] = {}
        for month, count in sorted(counted.values.items(), reverse=True):
            years.setdefault(month[:4], []).append(Bucket(month, count, self._is_choice(month)))
        buckets = [
            YearBucket(year, sum(month.count for month in months), self._is_choice(year), tuple(months))
            for year, months in years.items()
        ]
        selected = "date" in self._filters.missing
        if counted.without or selected:
            buckets.append(YearBucket(None, counted.without, selected))
        return tuple(buckets)

    def _is_choice(self, text: str) -> bool:
        chosen = (self._filters.start, self._filters.end)
        return chosen != (None, None) and period(text) == chosen


def _fold(value: str) -> str:
    return sendable(value).casefold()


def _folded(values: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(map(_fold, values)))


def _kept_out(name: str) -> str:
    return f"{name} kept out"


def _terms(stored: str, size: int) -> Json:
    size = min(size, PAGE)
    return {
        "terms": {
            "field": stored,
            "size": size,
            "shard_size": max(size, _PER_SHARD),
            "show_term_doc_count_error": True,
        }
    }


def _without(stored: str) -> Json:
    return {"without": {"missing": {"field": stored}}}


def _each(queries: Mapping[str, Json]) -> Json:
    return {"filters": {"filters": dict(queries)}}


def _counts_of(found: Json | None) -> dict[str, int]:
    """Counts by the values that `_each` was given."""
    buckets = found["buckets"] if found else {}
    return {value: bucket["doc_count"] for value, bucket in buckets.items()}


def _pairs(among: Json) -> list[tuple[str, int]]:
    buckets = among["values"]["buckets"] if "values" in among else []
    return [(bucket["key"], bucket["doc_count"]) for bucket in buckets]


def _alone(name: str, value: str, excluded: Sequence[str]) -> Json:
    others = [each for each in excluded if each != value]
    return {"bool": {"filter": [{"term": {name: value}}], "must_not": [{"terms": {name: others}}]}}
