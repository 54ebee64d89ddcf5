"""The analyzer against what real archives write (C#, US, multi-cloud, café, 東京都 …)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.analysis import MAX_TERM_CHARS, Pieces, Token, all_in_capitals, fingerprint, tokens, word_forms


def exact(text: str) -> list[str]:
    return [token.exact for token in tokens(text) if not token.extra]


def extras(text: str) -> set[str]:
    return {token.exact for token in tokens(text) if token.extra}


def stem(text: str) -> list[str]:
    return [token.stem for token in tokens(text) if not token.extra]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C# and F#, then C++ or Q#.", ["c#", "and", "f#", "then", "c++", "or", "q#"]),
        ("runs on .NET 5", ["runs", "on", ".net", "5"]),
        ("AT&T's R&D", ["at&t", "r&d"]),
        ("the U.S. and A.I.", ["the", "us", "and", "ai"]),
        ("don’t use O'Reilly’s", ["dont", "use", "oreilly"]),
        ("Microsoft’s Microsoft's MICROSOFT'S", ["microsoft"] * 3),
        ("version 3.0 costs $1,000 (45%)", ["version", "3.0", "costs", "1000", "45"]),
        ("#PowerApps @someone NV_PROMO", ["powerapps", "someone", "nv", "promo"]),
        ("5G Gen2 GPT-3 COVID-19", ["5g", "gen2", "gpt", "3", "covid", "19"]),
        ("ＡＢＣ ﬁne Straße", ["abc", "fine", "strasse"]),
        ("हिन्दी", ["हिन्दी"]),
        ("東京都に行く", ["東京", "京都", "都に", "に行", "行く"]),
        ("ภาษา", ["ภา", "าษ", "ษา"]),
        ("x한국y", ["x", "한국", "y"]),
        ("!!! — …", []),
    ],
)
def test_exact_terms(text: str, expected: list[str]) -> None:
    assert exact(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("multi-cloud", {"multicloud"}),
        ("low‑code e-mail", {"lowcode", "email"}),
        ("Node.js", {"nodejs"}),
        ("ASP.NET", {"aspnet", ".net"}),
        ("shop.example.net", {"shopexamplenet"}),
        ("state-of-the-art", {"stateoftheart"}),
        ("IT and US", {"IT", "US"}),
        ("it is us", set()),
        ("東京", {"東", "京"}),
    ],
)
def test_extra_terms(text: str, expected: set[str]) -> None:
    assert extras(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("AWS", "aw"),
        ("GA", "gas"),
        ("US", "use"),
        ("its", "IT"),
        ("SES", "se"),
        (".NET", "net"),
        ("C#", "C"),
        ("C++", "C"),
    ],
)
def test_look_alikes_stay_apart(one: str, other: str) -> None:
    (first,), (second,) = word_forms(one, capitals=True).parts, word_forms(other, capitals=True).parts
    assert first.exact != second.exact
    assert (first.capitals or first.stem) != (second.capitals or second.stem)


@pytest.mark.parametrize(("one", "other"), [("VMs", "VM"), ("apps", "app"), ("running", "runs"), ("café", "cafes")])
def test_forms_of_one_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_a_text_in_capitals_has_no_acronyms() -> None:
    assert all_in_capitals("IT IS THE GOVERNMENT")
    assert not all_in_capitals("IT")
    assert not all_in_capitals("The GOVERNMENT")
    assert extras("IT IS THE GOVERNMENT OF US ALL") == set()
    assert stem("PRIME MINISTERS MEET") == stem("prime ministers meet")


def test_a_typed_acronym_asks_for_capitals_where_these_matter() -> None:
    assert word_forms("IT", capitals=True).parts[0].capitals == "IT"
    assert word_forms("it", capitals=True).parts[0].capitals == ""
    assert word_forms("AWS", capitals=True).parts[0].capitals == ""


def test_ranges_are_places_in_the_text() -> None:
    text = "Café “multi-cloud” U.S. 東京"
    found = {text[token.start : token.end] for token in tokens(text)}
    assert found == {"Café", "multi", "cloud", "multi-cloud", "U.S.", "東京", "東", "京"}


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_any_text_is_analyzed(text: str) -> None:
    found = tokens(text)
    assert all(0 <= token.start < token.end <= len(text) for token in found)
    assert all(0 < len(token.exact) <= MAX_TERM_CHARS and token.stem for token in found)
    positions = [token.position for token in found if not token.extra]
    assert positions == sorted(positions)


@settings(max_examples=200)
@given(st.text(alphabet=st.characters(categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=20))
def test_a_word_typed_as_written_finds_its_own_term(word: str) -> None:
    """The index side and the query side agree on every single word."""
    typed = word_forms(word, capitals=not all_in_capitals(word)).parts
    assert [part.exact for part in typed] == exact(word)


WRITTEN = [
    "it", "IT's", "U.S.", "multi-cloud", "-", "a_b", ".NET", "ASP.NET", "AT&T", "1,000", "東京都", "x한y", "é", "!",
]  # fmt: skip


@settings(max_examples=500)
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from([*WRITTEN, " ", "  ", "\n", "\u3000", "_", "’s"]), max_size=30).map("".join)
)
def test_the_pieces_between_spaces_make_up_the_text(text: str) -> None:
    written, pieces = text.split(" "), Pieces()
    pieces.learn(written)
    found: list[Token] = []
    start = position = 0
    for piece in written:
        for token in pieces.tokens[piece]:
            place = start + token.start, start + token.end, position + token.position
            found.append(Token(*place, token.exact, token.stem, token.extra))
            assert piece in pieces.holding([token.exact])
            assert piece in pieces.holding(["other", token.stem])
        start += len(piece) + 1
        position += pieces.positions[piece]
    assert found == tokens(text, capitals=True)


def test_pieces_without_the_term_are_not_held() -> None:
    pieces = Pieces()
    pieces.learn(["Runs,", "running", "ran", "Runs,"])
    pieces.learn(["ran", "multi-run"])
    assert pieces.holding(["run"]) == {"Runs,", "running", "multi-run"}
    assert pieces.holding(["runs", "elsewhere"]) == {"Runs,"}
    assert pieces.holding([]) == set()


def test_the_fingerprint_is_stable_within_a_version() -> None:
    assert fingerprint() == fingerprint()
    assert len(fingerprint()) == 64
