"""What a client that asks the same again and again costs, with an ETag and without one.

    python -m bench.polling INDEX [--rounds N]

INDEX is an index directory. Questions are one to three words of the archive's own titles. Each is asked of the API of
an app in this process, once with a search and once with the ETag that the search gave; a question's time is the CPU
time of this process, the median of N rounds (default 5) after one to warm up. Ratios are question by question.
"""

import argparse
import re
import time
from pathlib import Path
from random import Random
from statistics import median
from urllib.parse import quote_plus

from flask.testing import FlaskClient

from bench.tables import percentile
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.query import Query
from web import create_app
from web.service import EXTENSION

QUESTIONS = 200
SEED = 20_211_213


def addresses(engine: EmbeddedEngine) -> list[str]:
    random = Random(SEED)
    titles = [hit.article.title for page in range(1, 11) for hit in engine.search(Query(page=page, size=100)).hits]
    found: list[str] = []
    while len(found) < QUESTIONS:
        words = re.findall(r"[^\W_]{3,}", random.choice(titles))
        if words:
            at = random.randrange(len(words))
            found.append("/api/v1/search?q=" + quote_plus(" ".join(words[at : at + random.randint(1, 3)])))
    return found


def cost(client: FlaskClient, url: str, headers: dict[str, str], status: int, rounds: int) -> tuple[float, int]:
    """Median CPU time of one request in ms, and the bytes of the answer's body."""
    spent, size = [], 0
    for _ in range(rounds + 1):
        before = time.process_time()
        response = client.get(url, headers=headers)
        spent.append((time.process_time() - before) * 1_000)
        assert response.status_code == status
        size = len(response.data)
    return median(spent[1:]), size


def main() -> None:
    parser = argparse.ArgumentParser(description="What asking the same again costs, with an ETag and without one.")
    parser.add_argument("index", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    app = create_app(Settings(index=str(arguments.index)))
    engine: EmbeddedEngine = app.extensions[EXTENSION].engine()
    engine.accelerate()
    client = app.test_client()
    whole, again = [], []
    for url in addresses(engine):
        gzip = {"Accept-Encoding": "gzip"}
        etag = client.get(url).headers["ETag"]
        whole.append(cost(client, url, gzip, 200, arguments.rounds))
        again.append(cost(client, url, {**gzip, "If-None-Match": etag}, 304, arguments.rounds))
    print("| answer | CPU ms p50 | p95 | bytes of the body, p50 |\n|---|---|---|---|")
    for name, figures in (("200, gzip", whole), ("304", again)):
        times, sizes = [ms for ms, _ in figures], [size for _, size in figures]
        print(f"| {name} | {median(times):.2f} | {percentile(times, 95):.2f} | {round(median(sizes)):,} |")
    ratios = [first[0] / second[0] for first, second in zip(whole, again, strict=True)]
    print(f"\nThe same question again costs 1/{median(ratios):.1f} at the median of {len(ratios)} questions.")
    app.extensions[EXTENSION].close()


if __name__ == "__main__":
    main()
