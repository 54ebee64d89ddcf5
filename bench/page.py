"""What the pages cost a server, and what they weigh.

    python -m bench.page INDEX [--rounds N]

INDEX is an index directory. Questions are one to three words of the archive's own titles, a third of them narrowed down
by a topic or a year that the results offer; articles are hits of these questions. Each page is asked of the app in this
process, without a network; its time is that of this process's CPU, the median of N rounds (default 5) after one to warm
up. Weights are uncompressed; beside its HTML a reader's first page needs the style sheet and the script, once.
"""

import argparse
import re
import time
from collections import defaultdict
from html import unescape
from pathlib import Path
from random import Random
from statistics import median

from flask.testing import FlaskClient

from bench.tables import percentile
from index.settings import Settings
from search.embedded import EmbeddedEngine
from search.query import Query
from web import create_app
from web.service import EXTENSION

QUESTIONS = 200
SEED = 20_211_213


def addresses(client: FlaskClient, engine: EmbeddedEngine) -> dict[str, list[str]]:
    """Addresses by the kind of their page."""
    random = Random(SEED)
    newest = [hit.article.title for page in range(1, 11) for hit in engine.search(Query(page=page, size=100)).hits]
    found: dict[str, list[str]] = defaultdict(list)
    found["front"] = ["/"]
    found["values"] = [f"/values/{name}?by=name" for name in ("topic", "provider")]
    while len(found["results"]) < QUESTIONS:
        words = re.findall(r"[^\W_]{3,}", random.choice(newest))
        if not words:
            continue
        at, count = random.randrange(len(words)), random.randint(1, 3)
        url = "/?q=" + "+".join(words[at : at + count])
        html = client.get(url).text
        narrower = re.findall(r'<a class="value" href="([^"]*(?:&amp;topic=|&amp;from=)[^"]*)"', html)
        if len(found["results"]) % 3 == 0 and narrower:
            url = unescape(random.choice(narrower))
        found["results"].append(url)
        found["article"] += [unescape(link) for link in re.findall(r'href="(/article/[^"]+)"', html)[:1]]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="What the pages cost a server, and what they weigh.")
    parser.add_argument("index", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    app = create_app(Settings(index=str(arguments.index)))
    engine: EmbeddedEngine = app.extensions[EXTENSION].engine()
    engine.accelerate()
    client = app.test_client()
    beside = 0
    for name in ("style.css", "search.js"):
        with client.get(f"/static/{name}") as response:
            beside += len(response.data)
    print(f"style sheet and script: {beside:,} bytes\n")
    print("| page | asked | ms p50 | ms p95 | bytes p50 | most |\n|---|---|---|---|---|---|")
    for kind, urls in addresses(client, engine).items():
        times, sizes = [], []
        for url in urls:
            spent = []
            for _ in range(arguments.rounds + 1):
                before = time.process_time()
                response = client.get(url)
                spent.append((time.process_time() - before) * 1_000)
            times.append(median(spent[1:]))
            sizes.append(len(response.data))
        figures = f"{median(times):.1f} | {percentile(times, 95):.1f} | {round(median(sizes)):,} | {max(sizes):,}"
        print(f"| {kind} | {len(urls)} | {figures} |", flush=True)
    app.extensions[EXTENSION].close()


if __name__ == "__main__":
    main()
