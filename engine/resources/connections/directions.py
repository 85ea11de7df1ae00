"""What an identity provider's administrator has to enter, read out of the address that WorkOS sends people to. Pure.

WorkOS's API shows neither (SDK 10.8, Connection), and they must never be put together by hand (facts). The form of a
SAML request by redirect is the standard's: SAML 2.0 Bindings 3.4.4.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

_ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_LONGEST = 65_536


def read_directions(location: str | None) -> dict[str, str]:
    """`redirect_uri` for OIDC, `acs_url` and `entity_id` for SAML; empty where the address does not tell."""
    if location is None:
        return {}
    try:
        given = dict(parse_qsl(urlsplit(location).query))
    except ValueError:
        return {}
    if "SAMLRequest" in given:
        return _read_saml_request(given["SAMLRequest"])
    if "error" in given or "client_id" not in given or "redirect_uri" not in given:
        return {}
    return {"redirect_uri": given["redirect_uri"]}


def _read_saml_request(encoded: str) -> dict[str, str]:
    try:
        inflate = zlib.decompressobj(-15)
        text = inflate.decompress(base64.b64decode(encoded), _LONGEST)
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            return {}
        root = ElementTree.fromstring(text)  # noqa: S314 - DTDs are refused above
    except (binascii.Error, ValueError, zlib.error, ElementTree.ParseError):
        return {}
    found = {"acs_url": root.get("AssertionConsumerServiceURL"), "entity_id": root.findtext(f"{_ASSERTION}Issuer")}
    return {name: value.strip() for name, value in found.items() if value and value.strip()}
