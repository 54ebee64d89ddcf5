"""Addresses: the one form by which they are compared, a form safe to link, and how they look when typed.

Nothing here raises: an address in an archive, or in a query, may be anything.
"""

import hashlib
import re
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

MAX_CHARS = 8_000  # a longer text is no address


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Parameters that say where a reader came from, not what is read. Those that name the article (ArticleID, id, p, v)
# must stay, so only names seen as tracking in real archives, or documented as such, are here.
_TRACKING = _words(
    "_hsenc _hsmi _mc amp amp_js_v cmp cmpid dclid fbclid feedref ftag gaa_at gbraid gclid gclsrc guccounter"
    " guce_referrer guce_referrer_sig icid igshid mc_cid mc_eid mkt_tok mod msclkid ncid ocid outputtype partner"
    " ref ref_src ref_url referrer rss s_cid smid smtyp soc_src soc_trk source spm sr_share src twclid usqp"
    " vero_id wbraid wt.mc_id yclid yptr"
)
_TRACKING_PREFIXES = ("utm_", "itm_", "at_", "hsa_", "pk_", "mtm_")
_DEFAULT_PORTS = frozenset((80, 443))
_WEB = re.compile(r"https?://", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN_KEY = re.compile(
    r"https?://(?:www\.)?(?P<host>(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)"
    r"(?P<path>/[A-Za-z0-9/_.~-]*)?"
)
_MAX_PLAIN_CHARS = 250
_NAME = r"[^\W_](?:[\w-]*[^\W_])?"
_HOST = re.compile(rf"(?:{_NAME}\.)*{_NAME}\.?")
_PLAIN = re.compile(
    r"https?://(?=[^/?#]{1,253}(?:[/?#]|\Z))[a-zA-Z0-9]+(?:(?:\.|-+)[a-zA-Z0-9]+)*"
    r"(?:[/?#][a-zA-Z0-9_.~%/:?#\[\]@!$&'()*+,;=-]*)?"
)
"""An address that may be linked just as it is; most are."""
_TYPED = re.compile(r"(?:[^\W_][\w-]*\.)+([^\W\d_]{2,}|xn--[a-z0-9-]+)(?::\d{1,5})?/", re.IGNORECASE)
_FILE_ENDINGS = _words("js json md html htm php txt xml css")  # Node.js/Express


def address_key(url: str) -> str:
    """The normal form of a web address; equal for all ways of writing the same one.

    Scheme, `www.`, default port, fragment, trailing slash and tracking parameters are dropped, the host is in lower
    case, percent-encoding is uniform, parameters are sorted.

    Returns:
        The key, or "" for what is no web address.
    """
    plain = _PLAIN_KEY.fullmatch(url) if len(url) <= _MAX_PLAIN_CHARS else None
    if plain:  # as most are; the rest of this function would say the same
        return plain["host"] + (plain["path"] or "").rstrip("/")
    text = _CONTROLS.sub("", url[: MAX_CHARS + 1]).strip()
    if text.startswith("//"):
        text = f"https:{text}"
    elif not _WEB.match(text):
        if not looks_like_address(text):
            return ""
        text = f"https://{text}"
    parts = _split(text)
    if parts is None:
        return ""
    host, port = _host(parts)
    path = _encode(parts.path).rstrip("/")
    query = _query_key(parts.query)
    return f"{host}{port}{path}" + (f"?{query}" if query else "")


def address_hash(url: str) -> str:
    """`address_key` as 32 hexadecimal digits: enough to know an address again without keeping it."""
    return hashlib.sha256((address_key(url) or url).encode("utf-8", "replace")).hexdigest()[:32]


def safe_href(url: str) -> str:
    """`url` fit for an `href`: http or https, spaces and non-ASCII percent-encoded; "" for anything else."""
    if len(url) <= MAX_CHARS and _PLAIN.fullmatch(url):
        return url
    text = _CONTROLS.sub("", url[: MAX_CHARS + 1]).strip()
    scheme = _WEB.match(text)
    if scheme is None or (parts := _split(text)) is None:
        return ""
    authority = parts.netloc
    if not authority.isascii():
        try:
            authority = authority.encode("idna").decode("ascii")
        except (UnicodeError, ValueError):
            authority = _quote(authority)
    rest = text[scheme.end() + len(parts.netloc) :]
    return f"{scheme[0].lower()}{_quote(authority)}{_quote(rest)}"


def site_name(url: str) -> str:
    """The host of an address without `www.`, to show beside a link; "" where there is none."""
    parts = _split(_CONTROLS.sub("", url[: MAX_CHARS + 1]).strip())
    return "" if parts is None else (parts.hostname or "").lower().removeprefix("www.").rstrip(".")


def looks_like_address(text: str) -> bool:
    """Whether typed text is meant as an address: `https://…`, `www.…`, or `host.tld/path`."""
    text = text.strip()
    if not text or len(text) > MAX_CHARS:
        return False
    head, _, tail = text.partition(" ")
    web = _WEB.match(head)
    if web is not None:
        # Some real addresses hold raw spaces, in the path or in the value of a parameter; a slash after the first
        # space, or a parameter before it, tells them from words after an address.
        return len(head) > web.end() and (not tail or "/" in tail or "=" in head.partition("?")[2])
    if tail or len(text.split()) != 1:
        return False
    typed = _TYPED.match(text)
    if typed is not None:
        return typed[1].lower() not in _FILE_ENDINGS
    return bool(re.match(r"www\.[^\W_][\w-]*\.[^\W_]", text, re.IGNORECASE))


def _split(text: str) -> SplitResult | None:
    """The parts of a web address with a host that can be one; None for anything else."""
    if len(text) > MAX_CHARS:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        return None
    plain = ":" in host or _HOST.fullmatch(host)  # a colon: IPv6, which urlsplit has checked
    return parts if plain and len(host) <= 253 and port != 0 and parts.scheme in {"http", "https"} else None


def _host(parts: SplitResult) -> tuple[str, str]:
    host = (parts.hostname or "").rstrip(".")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except (UnicodeError, ValueError):
            host = host.casefold()
    port = "" if parts.port is None or parts.port in _DEFAULT_PORTS else f":{parts.port}"
    return host.lower().removeprefix("www."), port


def _encode(text: str) -> str:
    return quote(unquote_to_bytes(text.encode("utf-8", "replace")), safe="/~!$'()*,;:@")


def _quote(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe="%/:?#[]@!$&'()*+,;=~")


def _query_key(query: str) -> str:
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        folded = name.lower()
        if name and folded not in _TRACKING and not folded.startswith(_TRACKING_PREFIXES):
            pairs.append(f"{_encode(name.replace('+', ' '))}={_encode(value.replace('+', ' '))}")
    return "&".join(sorted(pairs))
