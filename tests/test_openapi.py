"""The API's description: that it is sound, that it says what is so, and that nothing else is so."""

import json
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from html import unescape
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from browsing import serving
from conftest import BuildApp
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from index.settings import Settings
from web import create_app
from web.docs_page import Sample
from web.links import ROOT
from web.operations import OPERATIONS, Operation
from web.params import FIELDS, HIT_FIELDS, ParameterError, parse
from web.problems import PROBLEMS, docs_path
from web.service import EXTENSION

DOCS = f"{ROOT}/docs"


class Document(dict[str, Any]):
    """The description, which fills pages where it is printed with a failure."""

    def __repr__(self) -> str:
        return f"the document at {ROOT}/openapi.json"


@pytest.fixture(scope="module")
def document(example_app: Flask) -> Document:
    return Document(example_app.test_client().get(f"{ROOT}/openapi.json").json or {})


@pytest.fixture(scope="module")
def page(example_app: Flask) -> str:
    response = example_app.test_client().get(DOCS)
    assert (response.status_code, response.content_type) == (200, "text/html; charset=utf-8")
    return response.text


def described(document: Document, operation: Operation) -> dict[str, Any]:
    """What the document says of a route."""
    for item in document["paths"].values():
        if item["get"]["operationId"] == operation.name:
            found: dict[str, Any] = item["get"]
            return found
    raise AssertionError(operation.name)


def parameters(document: Document, operation: Operation) -> list[dict[str, Any]]:
    """The parameters of a route, those that are referred to among them."""
    return [
        document["components"]["parameters"][each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        for each in described(document, operation)["parameters"]
    ]


def assert_described(document: Document, operation: Operation, response: Any) -> None:
    """Status, type, headers and body of an answer are as the document says."""
    told = described(document, operation)["responses"][str(response.status_code)]
    media_type = response.mimetype
    assert media_type in told["content"], (media_type, response.text)
    headers = {*operation.headers} if response.status_code == 200 else set()
    assert headers <= {*response.headers.keys()} & {*told["headers"]}
    if response.is_json:
        schema = {**told["content"][media_type]["schema"], "components": document["components"]}
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(response.json)


# The document


def test_the_document_is_sound(document: Document) -> None:
    OpenAPIV31SpecValidator(document).validate()
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
        assert schema.get("additionalProperties", True) is ("properties" not in schema)
    assert document["openapi"].startswith("3.1.")
    assert document["servers"] == [{"url": ROOT}]
    assert document["info"]["license"]["identifier"] == "MIT"


def test_every_object_of_an_answer_holds_nothing_undescribed(document: Document) -> None:
    def objects(schema: Any) -> Iterator[dict[str, Any]]:
        if isinstance(schema, list):
            for item in schema:
                yield from objects(item)
        elif isinstance(schema, dict):
            if "properties" in schema and "type" in schema:
                yield schema
            for item in schema.values():
                yield from objects(item)

    found = list(objects(document))
    assert len(found) > 20
    assert all(each["additionalProperties"] is False for each in found)


def test_the_document_lists_the_routes_that_there_are(example_app: Flask, document: Document) -> None:
    rules = {str(rule) for rule in example_app.url_map.iter_rules() if str(rule).startswith("/api/")}
    paths = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.removeprefix(ROOT)) for rule in rules}
    assert paths - {"/openapi.json", "/docs"} == document["paths"].keys()
    assert all(item.keys() == {"get"} for item in document["paths"].values())
    assert [item["get"]["operationId"] for item in document["paths"].values()] == [each.name for each in OPERATIONS]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_parameters_of_the_document_are_those_that_are_read(document: Document, operation: Operation) -> None:
    with pytest.raises(ParameterError) as caught:
        parse(operation.parameters, [("colour", "red")])
    known = caught.value.detail.removeprefix("There is no such parameter; there are ").rstrip(".").split(", ")
    told = parameters(document, operation)
    assert [each["name"] for each in told if each["in"] == "query"] == [name for name in known if name != "none"]
    assert [each["name"] for each in told if each["in"] == "path"] == [part.name for part in operation.path]
    assert all(each["description"].endswith(".") for each in told)


def test_values_that_the_document_names_are_accepted(client: FlaskClient, document: Document) -> None:
    tried = 0
    for operation in OPERATIONS:
        address = Sample().fill(operation.examples[0].address).partition("?")[0]
        for each in parameters(document, operation):
            schema = each["schema"].get("items", each["schema"])
            values = [example["value"] for example in each.get("examples", {}).values()]
            values += schema.get("enum", ()) if each["in"] == "query" else ()
            values += [schema[name] for name in ("default", "minimum") if name in schema]
            for value in values:
                # A boolean is written as JSON has it.
                text = str(value).lower() if isinstance(value, bool) else str(value)
                found = {"url": "https://example.org/"} if operation.name == "lookup" else {}
                response = client.get(f"{ROOT}{address}?{urlencode({**found, each['name']: text})}")
                expected = 404 if operation.name in {"article", "similar"} else 200
                assert response.status_code == expected, (operation.name, each["name"], value, response.text)
                tried += 1
    assert tried > 60


def test_problems_of_a_route_are_told_with_their_status(client: FlaskClient, document: Document) -> None:
    refused = {
        "search": ["?size=101", "?fields=colour", "?cursor=xx", "?page=2&cursor=*", "?from=2022&to=2021"],
        "article": ["/none", "/none?q=a"],
        "lookup": ["", "?url=%20"],
        "similar": ["/none/similar", "/none/similar?size=0"],
        "suggest": ["?size=21"],
        "values": ["/colour", "/topic?page=0"],
        "timeline": ["?interval=hour"],
        "export": ["?format=xml", "?explain=true"],
        "status": ["?q="],
    }
    for operation in OPERATIONS:
        base = ROOT + operation.rule.partition("/<")[0]
        for address in refused[operation.name]:
            response = client.get(base + address)
            assert 400 <= response.status_code < 500, base + address
            assert_described(document, operation, response)


def test_the_document_tells_the_numbers_of_the_site(example_index: Any) -> None:
    app = create_app(
        Settings(index=str(example_index), max_depth=700, max_values=7, base_path="/news", title="Gazette")
    )
    client = app.test_client()
    document = client.get(f"/news{ROOT}/openapi.json").json
    assert document is not None
    assert document["servers"] == [{"url": f"/news{ROOT}"}]
    assert document["info"]["title"] == "Gazette: query API"
    search = document["paths"]["/search"]["get"]
    assert "700 hits" in next(each for each in search["parameters"] if each.get("name") == "page")["description"]
    assert document["components"]["parameters"]["topic"]["schema"]["maxItems"] == 7
    page = client.get(f"/news{DOCS}").text
    assert search["externalDocs"]["url"] == f"/news{DOCS}#route-search"
    assert f'href="/news{ROOT}/search?' in page
    assert "<td>700</td>" in page
    app.extensions[EXTENSION].close()


# Answers


def shown_examples(page: str) -> list[str]:
    """The addresses of the examples, in the page's order."""
    return [unescape(href) for href in re.findall(r'<a href="([^"]+)" rel="nofollow"', page)]


def test_every_example_succeeds_and_is_answered_as_described(
    client: FlaskClient, document: Document, page: str
) -> None:
    operations = [operation for operation in OPERATIONS for _ in operation.examples]
    addresses = shown_examples(page)
    assert len(addresses) == len(operations) == page.count("<details>")
    for operation, address in zip(operations, addresses, strict=True):
        response = client.get(address)
        assert response.status_code == 200, address
        assert_described(document, operation, response)
        if "nowhere" not in address:
            nothing = ("articles", "values", "suggestions", "times", *(() if "size=0" in address else ("hits",)))
            assert not [name for name in nothing if f'"{name}":[]' in response.text], address
            assert '"total":{"value":0' not in response.text
            assert len(response.data.splitlines()) > 1 or response.is_json


WORDS = ["ferry", "the", "night", "harb*", '"night ferry"', "-tram", "title:sea", "after:2023", "zzqqxx", "fery", "OR"]
VALUES = {
    "topic": ["Harbours", "Food", "none"],
    "provider": ["Openbench", "Halmere Gazette"],
    "type": ["article", "event"],
}


@st.composite
def asked(draw: st.DrawFn, more: tuple[str, ...]) -> list[tuple[str, str]]:
    """Parameters of a search; those in `more` among them."""
    pairs = [("q", " ".join(draw(st.lists(st.sampled_from(WORDS), max_size=4))))]
    for facet, values in VALUES.items():
        for name in (facet, f"exclude_{facet}"):
            pairs += [(name, value) for value in draw(st.sets(st.sampled_from(values), max_size=1))]
    choices = {
        "match": ["auto", "all", "any"],
        "missing": ["topic", "type", "date"],
        "from": ["2020", "2023-05", "0001"],
        "to": ["2024", "2025-02-28", "9999"],
        "sort": ["relevance", "newest", "oldest", "id"],
        "size": ["0", "1", "7", "100"],
        "page": ["1", "2", "100"],
        "facets": ["none", "topic:1000,date", "type:0"],
        "highlight": ["ranges", "html", "none"],
        "explain": ["true", "false"],
        "interval": ["year", "month", "week", "day"],
        "format": ["jsonl", "csv", "markdown"],
        "prefix": ["h", "ö", "the"],
    }
    for name in ("match", "missing", "from", "to", *more):
        pairs += [(name, value) for value in draw(st.sets(st.sampled_from(choices[name]), max_size=1))]
    if "fields" in draw(st.sets(st.sampled_from(["fields"]))) and {"explain", "format"} & {*more}:
        pairs.append(("fields", ",".join(draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=5)))))
    return pairs


def operation_named(name: str) -> Operation:
    return next(each for each in OPERATIONS if each.name == name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(pairs=asked(("sort", "size", "page", "facets", "highlight", "explain")))
def test_every_search_is_answered_as_described(
    client: FlaskClient, document: Document, pairs: list[tuple[str, str]]
) -> None:
    response = client.get(f"{ROOT}/search?{urlencode(pairs)}")
    assert response.status_code == 200, response.text
    assert_described(document, operation_named("search"), response)
    assert response.json is not None
    fields = dict(pairs).get("fields", ",".join(HIT_FIELDS)).split(",")
    extra = {"marked"} if ("highlight", "html") in pairs else set()
    for hit in response.json["hits"]:
        assert hit.keys() - {"explanation"} == {"id", *fields, *extra}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(pairs=asked(("page", "prefix")), facet=st.sampled_from(["topic", "provider", "type", "category"]))
def test_every_list_of_values_is_answered_as_described(
    client: FlaskClient, document: Document, pairs: list[tuple[str, str]], facet: str
) -> None:
    response = client.get(f"{ROOT}/facets/{facet}?{urlencode(pairs)}")
    assert response.status_code == 200, response.text
    assert_described(document, operation_named("values"), response)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(pairs=asked(("interval",)))
def test_every_timeline_is_answered_as_described(
    client: FlaskClient, document: Document, pairs: list[tuple[str, str]]
) -> None:
    response = client.get(f"{ROOT}/timeline?{urlencode(pairs)}")
    assert response.status_code == 200, response.text
    assert_described(document, operation_named("timeline"), response)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(pairs=asked(("sort", "format")))
def test_every_line_of_an_export_is_a_hit(
    client: FlaskClient, document: Document, pairs: list[tuple[str, str]]
) -> None:
    response = client.get(f"{ROOT}/export?{urlencode(pairs)}")
    assert response.status_code == 200, response.text
    assert_described(document, operation_named("export"), response)
    if response.mimetype == "application/x-ndjson":
        schema = {"$ref": "#/components/schemas/Hit", "components": document["components"]}
        for line in response.text.splitlines():
            Draft202012Validator(schema).validate(json.loads(line))


def test_every_article_is_answered_as_described(client: FlaskClient, document: Document) -> None:
    hits = client.get(f"{ROOT}/search?size=100&facets=none&fields=id").json["hits"]  # type: ignore[index]
    assert len(hits) > 40
    for hit in hits:
        response = client.get(f"{ROOT}/articles/{quote(hit['id'])}")
        assert_described(document, operation_named("article"), response)


# The page


class Read(HTMLParser):
    """Collects a page's ids, the fragments that its links lead to, and what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.fragments: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        assert not {"style", "onclick"} & given.keys()
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a" and given["href"].startswith("#"):
            self.fragments.append(given["href"][1:])
        self.loaded += [given[name] for name in ("src", "srcset", "data") if name in given]
        self.loaded += [given["href"]] if tag == "link" else []


def test_everything_has_its_place_on_the_page(document: Document, page: str) -> None:
    read = Read()
    read.feed(page)
    assert len(read.ids) == len({*read.ids})
    assert {*read.fragments} <= {*read.ids}
    assert all(each.startswith("/") and not each.startswith("//") for each in read.loaded)
    wanted = {docs_path(problem).partition("#")[2] for problem in PROBLEMS}
    wanted |= {f"shape-{name}" for name in document["components"]["schemas"] if name != "JsonValue"}
    wanted |= {f"parameter-{name}" for name in document["components"]["parameters"]}
    for operation in OPERATIONS:
        wanted.add(f"route-{operation.name}")
        own = [each["name"] for each in described(document, operation)["parameters"] if "$ref" not in each]
        wanted |= {f"{operation.name}-{name}" for name in own}
    assert wanted <= {*read.ids}


def test_a_problem_leads_to_its_place_on_the_page(client: FlaskClient, page: str) -> None:
    problem = client.get(f"{ROOT}/search?size=101").json
    assert problem is not None
    path, _, fragment = problem["type"].partition("#")
    assert path == DOCS
    assert f'id="{fragment}"' in page


@pytest.mark.parametrize("path", ["/", "/help"])
def test_the_page_is_linked(client: FlaskClient, path: str) -> None:
    assert f'href="{DOCS}"' in client.get(path).text


def test_the_harvest_on_the_page_reaches_every_article(example_app: Flask) -> None:
    with serving(example_app) as address:
        client = example_app.test_client()
        page = client.get(DOCS, base_url=address).text
        code = re.search(r'<code id="harvest-python">(.*?)</code>', page, re.DOTALL)
        assert code
        printed = StringIO()
        with redirect_stdout(printed):
            exec(unescape(code[1]).replace("size=100", "size=7"), {})
    status = client.get(f"{ROOT}/status").json
    assert status is not None
    assert len({*printed.getvalue().splitlines()}) == status["articles"]


HOSTILE = """---
title: "</code><script>alert(1)</script> {words} ”quoted” titles"
webUrl: "https://example.org/a b?c=1&d=<2>"
publishedDateTime: 2021-12-13
topics: ['"><script>alert(2)</script>', "{id}"]
---
"""


def test_what_the_archive_holds_is_shown_as_text(build_app: BuildApp) -> None:
    client = build_app({"a & b's <script>alert(3) {x}.md": HOSTILE}).test_client()
    page = client.get(DOCS).text
    assert "<script>alert" not in page
    assert "{words}" in unescape(page)
    assert "<script>alert(3)" in unescape(page)
    for address in shown_examples(page):
        assert client.get(address).status_code == 200, address


def test_the_page_is_there_before_there_is_an_article(build_app: BuildApp, tmp_path: Path) -> None:
    empty = build_app({"gone.md": "---\ntitle: Gone\nremoved: true\n---\n"}).test_client().get(DOCS)
    assert (empty.status_code, "<details>" in empty.text) == (200, True)
    app = create_app(Settings(index=str(tmp_path / "none")))
    response = app.test_client().get(DOCS)
    assert (response.status_code, "<details>" in response.text) == (200, False)
    assert "Routes" in response.text
