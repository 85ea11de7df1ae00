"""The invented users of plans/quickstart, the same at every run; a test holds that the files are these.

`python -m tests.support.quickstart` writes them anew, as the guide's script would: pages of 60, the last without a
token. All addresses are of example.com, example.org and example.net.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "plans" / "quickstart"
PAGE = 60
_USERS = 300
_SEED = 20_261_122

_GIVEN = (
    "Anna",
    "Zoë",
    "Luís",
    "Søren",
    "名前",
    "Олена",
    "Nguyễn",
    "José",
    "Ines",
    "Ömer",
    "Fatima",
    "Liam",
    "Mía",
    "Chloé",
)
_FAMILY = (
    "Müller",
    "Smith",
    "Łukasik",
    "O'Neil",
    "García",
    "Ångström",
    "田中",
    "Шевченко",
    "Okafor",
    "d'Arc",
    "Çelik",
    "Brown",
)
_COMPANIES = ("Acme", "Globex", "Société Générique", "Straße & Söhne", "株式会社例", "")
_STATUSES = ["CONFIRMED"] * 12 + ["FORCE_CHANGE_PASSWORD"] * 2 + ["RESET_REQUIRED"] * 2 + ["UNCONFIRMED"] * 2
_PROVIDERS = (("Google", "Google"), ("SignInWithApple", "SignInWithApple"), ("Facebook", "Facebook"),
              ("AcmeOkta", "OIDC"), ("GlobexAdfs", "SAML"))  # fmt: skip

_Record = dict[str, Any]


def pages() -> dict[str, str]:
    """File name to content."""
    users = _users()
    cut = [users[at : at + PAGE] for at in range(0, len(users), PAGE)]
    files = {}
    for number, page in enumerate(cut, start=1):
        content: dict[str, Any] = {"Users": page}
        # Every page was one file of its own; the token of the last one is missing, so the export is complete.
        if number < len(cut):
            content["PaginationToken"] = f"CAIS{number:04d}exampleToken"
        files[f"users_{number}.json"] = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    return files


def _users() -> list[_Record]:
    chance = random.Random(_SEED)
    users = [_person(chance, at) for at in range(_USERS)]
    users += _linked(chance) + _duplicates(chance) + _odd(chance)
    chance.shuffle(users)  # Cognito's order is nobody's
    return users


def _person(chance: random.Random, at: int) -> _Record:
    federated = at % 5 == 4
    status = "EXTERNAL_PROVIDER" if federated else _STATUSES[at % len(_STATUSES)]
    given, family = _GIVEN[at % len(_GIVEN)], _FAMILY[(at * 5) % len(_FAMILY)]
    attributes = {
        "email": f"user{at:03d}@example.{('com', 'org', 'net')[at % 3]}",
        "email_verified": "false" if at % 9 == 7 or status == "UNCONFIRMED" else "true",
        "given_name": given,
        "family_name": family,
        "custom:plan": ("free", "team", "enterprise")[at % 3],
        "custom:tier": ("1", "2", "3", "")[at % 4],
    }
    if at % 2:
        attributes["locale"] = ("en", "de", "pt-BR", "ja")[at // 2 % 4]
    elif at % 4 == 0:
        attributes["custom:lang"] = "fr"
    if company := _COMPANIES[at % len(_COMPANIES)]:
        attributes["custom:company"] = company
    if at % 23 == 11:
        attributes["given_name"] = ""  # an empty string counts as missing
    if at % 31 == 17:
        del attributes["family_name"]
    if at % 41 == 29:
        del attributes["email"], attributes["email_verified"]
    if federated:
        name, kind = _PROVIDERS[at // 5 % len(_PROVIDERS)]
        attributes["identities"] = _identities(chance, (name, kind, at % 2 == 0 or "true"))
        if kind in ("OIDC", "SAML"):
            del attributes["email_verified"]
        return _record(chance, attributes, status, username=f"{name.lower()}_{chance.randrange(10**20)}")
    return _record(chance, attributes, status, enabled=at % 17 != 8)


def _linked(chance: random.Random) -> list[_Record]:
    """Native users with linked provider profiles; of one Cognito lists the linked profile as well."""
    both = {
        "email": "linked.twice@example.com",
        "email_verified": "true",
        "given_name": "Lina",
        "family_name": "Čapek",
        "identities": _identities(chance, ("Google", "Google", False), ("SignInWithApple", "SignInWithApple", "false")),
    }
    seen = {
        "email": "linked.shown@example.org",
        "email_verified": "true",
        "given_name": "Noor",
        "identities": _identities(chance, ("Google", "Google", True)),
    }
    return [
        _record(chance, both, "CONFIRMED"),
        _record(chance, {**seen, "family_name": "Haddad"}, "CONFIRMED"),
        _record(chance, seen, "EXTERNAL_PROVIDER", username=f"google_{chance.randrange(10**20)}"),
    ]


def _duplicates(chance: random.Random) -> list[_Record]:
    """Several records with one address: each group becomes one WorkOS user."""
    users = []
    for at in range(4):  # one verified, one not: the verified one counts, the other writes nothing into it
        address = f"twice{at}@example.net"
        mine = {"email": address, "email_verified": "true", "given_name": "Mine", "custom:plan": "team"}
        other = {"email": address, "email_verified": "false", "given_name": "Other", "family_name": "Stranger"}
        users += [_record(chance, mine, "CONFIRMED"), _record(chance, other, "CONFIRMED")]
    for at in range(4):  # native and Google, both verified: the native one counts, Google's fills the gaps
        address = f"both{at}@example.com"
        native = {"email": address, "email_verified": "true", "given_name": "Björk"}
        google = {
            "email": address,
            "email_verified": "true",
            "given_name": "B.",
            "family_name": "Guðmundsdóttir",
            "identities": _identities(chance, ("Google", "Google", at % 2 == 0 or "true")),
        }
        users.append(_record(chance, native, "CONFIRMED"))
        users.append(_record(chance, google, "EXTERNAL_PROVIDER", username=f"google_{chance.randrange(10**20)}"))
    for at, written in enumerate(("Mixed.Case@Example.org", " mixed.case@example.org", "mixed.case@example.org ")):
        attributes = {"email": written, "email_verified": "true", "given_name": f"Mixed{at}"}
        users.append(_record(chance, attributes, "CONFIRMED"))
    for _ in range(2):  # nobody verified: the newest counts
        attributes = {"email": "nobody.verified@example.com", "email_verified": "false", "given_name": "Unsure"}
        users.append(_record(chance, attributes, "RESET_REQUIRED"))
    return users


def _odd(chance: random.Random) -> list[_Record]:
    users = [
        _record(chance, {"email": f"old.{status.lower()}@example.com", "email_verified": "true"}, status)
        for status in ("ARCHIVED", "COMPROMISED", "UNKNOWN")
    ]
    addresses = ("not an address", "two@@example.com", "nobody@localhost", "", "   ")
    users += [
        _record(chance, {"email": address, "email_verified": "true", "given_name": "Odd"}, "CONFIRMED")
        for address in addresses
    ]
    users.append(_record(chance, {"email": "only.address@example.org"}, "CONFIRMED"))
    users.append(
        _record(
            chance,
            {
                "email": "empty.strings@example.net",
                "email_verified": "",
                "given_name": "",
                "family_name": "",
                "custom:plan": "",
                "custom:company": "",
                "locale": "",
            },
            "CONFIRMED",
        )
    )
    users.append(_record(chance, {"phone_number": "+15555550100", "email_verified": "false"}, "CONFIRMED"))
    return users


def _identities(chance: random.Random, *providers: tuple[str, str, bool | str]) -> str:
    """Cognito's JSON string; `primary` is seen as a boolean and as a string."""
    found = [
        {
            "userId": str(chance.randrange(10**20, 10**21)),
            "providerName": name,
            "providerType": kind,
            "issuer": f"https://idp.example.com/{name.lower()}" if kind in ("OIDC", "SAML") else None,
            "primary": primary,
            "dateCreated": str(1_690_000_000_000 + chance.randrange(10**9)),
        }
        for name, kind, primary in providers
    ]
    return json.dumps(found)


def _record(
    chance: random.Random, attributes: Mapping[str, str], status: str, *, username: str = "", enabled: bool = True
) -> _Record:
    sub = str(uuid.UUID(int=chance.getrandbits(128), version=4))
    created = 1_577_836_800 + chance.randrange(150_000_000)
    values = {"sub": sub, **attributes}
    return {
        "Username": username or sub,
        "Attributes": [{"Name": name, "Value": value} for name, value in values.items()],
        "UserCreateDate": created + chance.randrange(1000) / 1000,
        "UserLastModifiedDate": created + 86_400 + chance.randrange(1000) / 1000,
        "Enabled": enabled,
        "UserStatus": status,
    }


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, content in pages().items():
        (FOLDER / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
