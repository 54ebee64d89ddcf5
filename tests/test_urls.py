"""Addresses: one key for all ways of writing one, links that are safe, and what typed text is one."""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.urls import address_hash, address_key, looks_like_address, safe_href, site_name


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/news/a-b",
        "http://example.org/news/a-b",
        "HTTPS://WWW.Example.ORG/news/a-b/",
        "https://example.org:443/news/a-b",
        "http://example.org:80/news/a-b",
        "//example.org/news/a-b",
        "example.org/news/a-b",
        "www.example.org/news/a-b",
        "https://user:secret@example.org./news/a-b#comments",
        " https://example.org/news/%61-b?utm_source=x&utm_medium=y ",
        "https://example.org/news/a-b?fbclid=1&gclid=2&mc_cid=3&ref=4&source=5&mod=6&itm_x=7&_mc=8&feedref=9&rss=1",
        "https://example.org/news/a-b?amp",
        "https://exa\nmple.org/news/\ta-b",
    ],
)
def test_all_ways_of_writing_one_address_have_one_key(url: str) -> None:
    assert address_key(url) == "example.org/news/a-b"
    assert address_hash(url) == address_hash("https://example.org/news/a-b")
    assert len(address_hash(url)) == 32


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://apnews.com/Business Wire/ä", "apnews.com/Business%20Wire/%C3%A4"),
        ("https://apnews.com/Business%20Wire/%c3%a4", "apnews.com/Business%20Wire/%C3%A4"),
        ("https://e.org/?b=2&a=1&utm_x=3", "e.org?a=1&b=2"),
        ("https://e.org/p?ArticleID=7&id=a+b", "e.org/p?ArticleID=7&id=a%20b"),
        ("https://e.org/p?id=a%20b&&ArticleID=7", "e.org/p?ArticleID=7&id=a%20b"),
        ("https://youtube.com/watch?v=x", "youtube.com/watch?v=x"),
        ("https://müller.de/", "xn--mller-kva.de"),
        ("https://xn--mller-kva.de", "xn--mller-kva.de"),
        ("http://e.org:8080/a", "e.org:8080/a"),
        ("http://[::1]:80/a", "::1/a"),
        ("http://localhost/a", "localhost/a"),
        ("https://e.org/A/b", "e.org/A/b"),
        ("https://e.org/100%", "e.org/100%25"),
    ],
)
def test_keys(url: str, key: str) -> None:
    assert address_key(url) == key


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "words", "two words", "Node.js", "and/or", "CI/CD", "/assets/a.png", "mailto:a@e.org", "//"),
        *("javascript:alert(1)", "data:text/html,x", "ftp://e.org/a", "http://", "https:///a", "http://[", "http://[x]/"),
        *("http://e.org:x/", "http://e.org:99999/", "http://a b/", "https://e.org/" + "a" * 9_000, "http://-/"),
    ],
)  # fmt: skip
def test_no_address_has_no_key(text: str) -> None:
    assert address_key(text) == ""


@pytest.mark.parametrize(
    ("url", "href"),
    [
        ("https://e.org/a?b=1&c=%20#d", "https://e.org/a?b=1&c=%20#d"),
        ("https://apnews.com/Business Wire/ä", "https://apnews.com/Business%20Wire/%C3%A4"),
        (" HTTP://E.org/a\n\tb ", "http://E.org/ab"),
        ("https://müller.de/ü", "https://xn--mller-kva.de/%C3%BC"),
        ("https://e.org/\"><script>", "https://e.org/%22%3E%3Cscript%3E"),
        ("https://e.org/\ud800", "https://e.org/?"),
        ("https://e.org", "https://e.org"),
        ("javascript:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//e.org/a", ""),
        ("/assets/a.png", ""),
        ("https://", ""),
        ("http://[", ""),
        ("http://e.org:bad/", ""),
        ("e.org/a", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_safe_href(url: str, href: str) -> None:
    assert safe_href(url) == href


@pytest.mark.parametrize(
    ("url", "name"),
    [("https://www.E.org/a", "e.org"), ("http://e.org:81", "e.org"), ("mailto:a@e.org", ""), ("http://[", "")],
)  # fmt: skip
def test_site_name(url: str, name: str) -> None:
    assert site_name(url) == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://e.org", True),
        ("HTTP://e.org/a?b", True),
        ("https://apnews.com/Business Wire/a", True),
        ("www.e.org", True),
        ("e.org/", True),
        ("sub.e-x.org:8080/a b", False),
        ("sub.e-x.org:8080/a", True),
        ("e.org", False),
        ("https://", False),
        ("https://apnews.com/PR Newswire/x", True),
        ("https://apnews.com/PR\u202fNewswire/x", True),
        ("https://e.org/show.asp?id=1&cat=PR News Wire", True),
        ("https://e.org says no", False),
        ("https://e.org/a? says no", False),
        ("https://e.org/a why=not", False),
        ("Node.js/Express", False),
        (".NET/C#", False),
        ("CI/CD", False),
        ("1.5/2.0", False),
        ("www.", False),
        ("", False),
    ],
)
def test_looks_like_address(text: str, expected: bool) -> None:
    assert looks_like_address(text) is expected


@pytest.mark.parametrize(
    "raw",
    [
        "https://apnews.com/PR Newswire/x",
        "https://apnews.com/PR\u202fNewswire/x",
        "https://e.org/A bridge (old) opens/x",
        "https://e.org/“Curly” quotes, ‘single’ ones/it’s",
        "https://e.org/show.asp?cat=PR News Wire",
        "https://e.org/PR Newswire/x?id=1&cat=PR News “Wire” (new)",
    ],
)
def test_a_raw_address_and_its_encoded_form_are_one(raw: str) -> None:
    key = address_key(raw)
    assert key.isascii()
    assert " " not in key
    for encoded in (quote(raw, safe=":/?&="), quote(raw, safe=":/?&=(),"), safe_href(raw)):
        assert looks_like_address(encoded)
        assert address_key(encoded) == key
    assert looks_like_address(raw)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text(alphabet="htps:/.?#&=[]@%wa0 \\\n\udc80ä", max_size=60)))
def test_nothing_raises_and_hrefs_are_plain(text: str) -> None:
    for url in (text, f"https://{text}", f"//{text}", f"https://e.org/{text}"):
        key, href = address_key(url), safe_href(url)
        looks_like_address(url)
        site_name(url)
        address_hash(url).encode("ascii")
        assert address_key(f"https://{key}") in {key, ""} or not key
        assert not href or (href.startswith(("http://", "https://")) and href.isascii() and href.isprintable())
        assert not set(href) & set(' "<>\\`{}|^')


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet="aZ0.-_/:?#[]@%é \n", max_size=40),
    st.sampled_from(["http://", "https://", "HTTPS://", "https://e.org"]),
)
def test_an_href_that_is_taken_as_it_is_would_be_written_so(text: str, beginning: str) -> None:
    assert safe_href(beginning + text) == safe_href(f" {beginning}{text}")  # a space: never taken as it is


@pytest.mark.parametrize("host", ["a" * 253, "a" * 254, "a" * 300 + ".org"])
def test_a_host_is_as_long_as_one_can_be(host: str) -> None:
    assert safe_href(f"https://{host}/") == safe_href(f" https://{host}/")
