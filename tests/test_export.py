"""Exports: what a spreadsheet would run, and what is kept between here and the client."""

import csv
import io

import pytest
from conftest import BuildApp
from flask.testing import FlaskClient

URL = "/api/v1/export"


@pytest.mark.parametrize("title", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "＋1", "－1", "＠SUM(A1)"])
def test_nothing_in_a_table_is_a_formula(build_app: BuildApp, title: str) -> None:
    client = build_app({"a.md": f"---\ntitle: '{title}'\n---\nText\n"}).test_client()
    text = client.get(URL, query_string={"format": "csv", "fields": "title"}).get_data(as_text=True)
    assert [row["title"] for row in csv.DictReader(io.StringIO(text))] == [f"'{title}"]
    lines = client.get(URL, query_string={"fields": "title"})
    assert lines.get_json(force=True)["title"] == title


@pytest.mark.parametrize("form", ["jsonl", "csv", "markdown"])
def test_nobody_keeps_an_export(client: FlaskClient, form: str) -> None:
    response = client.get(URL, query_string={"format": form})
    assert response.headers["Cache-Control"] == "no-store"
    assert response.is_streamed
