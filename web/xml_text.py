"""XML documents written out: whatever text is put in, what comes out is well-formed. Nothing is parsed here.

Names are written as given, so the root states the namespaces (`xmlns`) and a prefix is part of a name.
"""

import re
from xml.etree.ElementTree import Element, SubElement, tostring

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write, not even as a reference: most controls, lone surrogates, U+FFFE and U+FFFF."""


def legal(text: str) -> str:
    """`text` without the characters that XML cannot hold."""
    return _ILLEGAL.sub("", text)


def root_of(name: str, namespaces: dict[str, str]) -> Element:
    """An empty document; `namespaces` are its root's `xmlns` attributes."""
    return Element(name, namespaces)


def add(parent: Element, name: str, text: str = "", /, **attributes: str) -> Element:
    """Append an element with this text, which is never read as markup."""
    element = SubElement(parent, name, {key: legal(value) for key, value in attributes.items()})
    element.text = legal(text)
    return element


def to_xml(root: Element) -> bytes:
    """The document as UTF-8."""
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document
