"""From one Cognito record to the WorkOS fields that it alone would give (rules 1 and 12).

Defaults are kept apart: where several records become one user, a field that one lacks is filled from the next
before any default is used. Field names are flat: `first_name`, `metadata.plan`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from engine.model.keys import NO_POOL, split_user_key
from engine.model.users import METADATA, Identity, SourceUser, normalise_email
from engine.plan_file.model import Attributes, FieldMapping, Limits
from engine.resources.users.identities import main_identity, names_every_provider, parse_identities
from engine.resources.users.lookup import EMAIL, lookup
from engine.resources.users.values import fit_metadata, is_email, is_true

# Cognito's own kinds of provider. Everybody else's claim, of an unknown kind too, is theirs alone (rule 1).
_SOCIAL = frozenset({"Google", "Facebook", "LoginWithAmazon", "SignInWithApple"})

_Raw = Callable[[SourceUser], str | None]
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class MappedRecord:
    """What one record gives. `fields` lacks what the record lacks; `invalid` says what WorkOS would not take.

    `created` is seconds since the epoch. A record that is not `native` has no password of its own; `provider` is
    the name of its (first) identity provider, None without one.
    """

    sub: str
    username: str
    created: float
    native: bool
    provider: str | None
    email: str | None
    verified: bool
    fields: dict[str, str]
    invalid: dict[str, str] = field(default_factory=dict)
    omitted: dict[str, str] = field(default_factory=dict)  # `when_invalid: omit`: what WorkOS would not take, and why
    identities: tuple[Identity, ...] = ()
    by_name: bool = False  # native, with a username or preferred_username to type that is no address
    joins_resets: bool = False  # had no password, and is to get one: `fallback: password_reset`
    placeholder: bool = False  # has no address: `email` is the plan's placeholder for it


class Mapper:
    """The plan's `attributes`, made ready once and applied to every record."""

    def __init__(
        self,
        attributes: Attributes,
        limits: Limits,
        *,
        trusted_providers: frozenset[str] = frozenset(),
        pool: str = NO_POOL,
        placeholder: str | None = None,
    ) -> None:
        attributes = _in_pool(attributes, pool)
        self._placeholder = placeholder
        self._limits = limits
        self._trusted = trusted_providers
        email = attributes.email
        plain = email.template is None and email.translate is None
        self._email = [(name == EMAIL, lookup(name)) for name in email.sources] if plain else [(False, _raw(email))]
        verified = attributes.email_verified
        self._verified: _Raw | None = _raw(verified) if verified else None
        self._external_id = _raw(attributes.external_id)
        names = {"first_name": attributes.first_name, "last_name": attributes.last_name}
        self._names = [(name, _raw(mapping)) for name, mapping in names.items() if mapping is not None]
        self._whole_names = [
            (name, lookup(mapping.split), name == "first_name")
            for name, mapping in names.items()
            if mapping is not None and mapping.split is not None
        ]
        self._metadata = [
            (METADATA + key, _raw(mapping), mapping.when_invalid) for key, mapping in attributes.metadata.items()
        ]
        mapped = {name: mapping for name, mapping in names.items() if mapping is not None} | {
            METADATA + key: mapping for key, mapping in attributes.metadata.items()
        }
        mapped["external_id"] = attributes.external_id
        fitted = {name: self._fit_default(name, mapping) for name, mapping in mapped.items()}
        self.defaults: Mapping[str, str] = {name: value for name, value in fitted.items() if value is not None}

    def map(self, user: SourceUser) -> MappedRecord:
        """The record's own fields. Never raises: what is wrong with a value is in `invalid`."""
        fields: dict[str, str] = {}
        invalid: dict[str, str] = {}
        omitted: dict[str, str] = {}
        external_id = self._external_id(user)
        if external_id is not None:
            fields["external_id"] = external_id
            # API description: `^[\x00-\x7F]+$`.
            if not external_id.isascii():
                invalid["external_id"] = "not_ascii"
            elif len(external_id) > self._limits.external_id_length:
                invalid["external_id"] = "too_long"
        for name, raw in self._names:
            value = raw(user)
            if value is not None:
                fields[name] = value
        if self._whole_names and not any(name in fields for name, _ in self._names):
            fields |= self._split_names(user)
        for name, raw, when_invalid in self._metadata:
            value = raw(user)
            if value is None:
                continue
            fitted, fault = fit_metadata(value, limit=self._limits.metadata_value_length, when_invalid=when_invalid)
            if fault is not None:
                invalid[name] = fault
            elif fitted is not None:
                fields[name] = fitted
            else:
                omitted[name] = "too_long" if value.isascii() else "not_ascii"
        native = user.status != "EXTERNAL_PROVIDER"
        identities = parse_identities(user.attributes.get("identities"))
        first = main_identity(identities) if identities else None
        email, from_email = self._address(user)
        placeholder = email is None and self._placeholder is not None
        if self._placeholder is not None and email is None:
            email = normalise_email(self._placeholder.replace("{sub}", user.sub))
        return MappedRecord(
            sub=user.sub,
            username=user.username,
            created=user.created.timestamp(),
            native=native,
            provider=first.provider if first else None,
            email=email,
            verified=from_email and self._is_verified(user, identities, native=native),
            fields=fields,
            invalid=invalid,
            omitted=omitted,
            identities=identities,
            by_name=native and _types_a_name(user),
            placeholder=placeholder,
        )

    def with_defaults(self, fields: Mapping[str, str]) -> dict[str, str]:
        """The fields with the plan's defaults where they lack one."""
        return {**self.defaults, **fields}

    def _fit_default(self, name: str, mapping: FieldMapping) -> str | None:
        """The plan's own value goes the way of the users': `when_invalid` holds for it too."""
        if mapping.default is None or not name.startswith(METADATA):
            return mapping.default
        limit = self._limits.metadata_value_length
        fitted, fault = fit_metadata(mapping.default, limit=limit, when_invalid=mapping.when_invalid)
        # One that does not fit is an error of the plan file, found long before.
        return mapping.default if fault else fitted

    def _split_names(self, user: SourceUser) -> dict[str, str]:
        """First and last name out of a whole one: the last word is the last name; one word alone is the first name."""
        names: dict[str, str] = {}
        for name, whole, first in self._whole_names:
            words = (whole(user) or "").split()
            part = " ".join(words[:-1] or words) if first else " ".join(words[1:][-1:])
            if part:
                names[name] = part
        return names

    def _address(self, user: SourceUser) -> tuple[str | None, bool]:
        """The address, and whether it is the attribute `email` as it stands (rule 1)."""
        for is_attribute, raw in self._email:
            address = normalise_email(raw(user) or "")
            if address:
                return address, is_attribute
        return None, False

    def _is_verified(self, user: SourceUser, identities: tuple[Identity, ...], *, native: bool) -> bool:
        if self._verified is None or not is_true(self._verified(user)):
            return False
        attributes = user.attributes
        # A mapping can lower Cognito's own flag, never stand in for it (rule 1, always).
        if not (is_true(attributes.get("email_verified")) or is_true(attributes.get("emailVerified"))):
            return False
        if not names_every_provider(attributes.get("identities")):
            # Linked to somebody who cannot be told: it may be their word.
            return False
        if not identities:
            # Nobody knows who asserted it for a federated user.
            return native
        # Every sign-in by a linked provider writes the attributes that it maps, `email_verified` among them, over
        # those of the profile, a native one too (AWS developer guide, attribute mapping): each may have said it last.
        return all(one.provider_type in _SOCIAL or one.provider in self._trusted for one in identities)


class Mappers:
    """The mapper of each pool, by the user pool's ID."""

    def __init__(self, by_pool: Mapping[str, Mapper]) -> None:
        self._by_pool = by_pool
        self._only = next(iter(by_pool.values())) if len(by_pool) == 1 else None

    def of(self, key: str) -> Mapper:
        """That of the user with this key."""
        return self._only or self._by_pool[split_user_key(key)[0]]

    def defaults(self, key: str) -> Mapping[str, str]:
        """The plan's own values for that user."""
        return self.of(key).defaults


def _in_pool(attributes: Attributes, pool: str) -> Attributes:
    """The attributes with {pool} in templates replaced by the user pool's ID, which is the same for all its users."""

    def fill(mapping: FieldMapping | None) -> FieldMapping | None:
        if mapping is None or mapping.template is None or "{pool}" not in mapping.template:
            return mapping
        return replace(mapping, template=mapping.template.replace("{pool}", pool))

    return Attributes(
        email=fill(attributes.email) or attributes.email,
        email_verified=fill(attributes.email_verified),
        first_name=fill(attributes.first_name),
        last_name=fill(attributes.last_name),
        external_id=fill(attributes.external_id) or attributes.external_id,
        metadata={name: fill(one) or one for name, one in attributes.metadata.items()},
    )


def _types_a_name(user: SourceUser) -> bool:
    """Whether the user may sign in by a name. Where users sign in by address, their username is their sub."""
    return _is_a_name(user.username, user.sub) or _is_a_name(user.attributes.get("preferred_username"), user.sub)


def _is_a_name(name: str | None, sub: str) -> bool:
    return name is not None and name not in ("", sub) and not is_email(normalise_email(name))


def left_out(record: MappedRecord) -> str | None:
    """The reason for leaving out a record that passed the filters, or None (contract: reasons, in their order)."""
    if record.email is None:
        return "no_email"
    return None if is_email(record.email) else "invalid_email"


def _raw(mapping: FieldMapping) -> _Raw:
    """The mapping as one function: constant, source or template, then `map`. No default, no checks."""
    found = _found(mapping)
    if mapping.translate is None:
        return found
    # Addresses are compared as they are stored, whatever capitals the plan writes (rule 1).
    clean = normalise_email if _reads_email(mapping) else str
    table = {clean(name): value for name, value in mapping.translate.items()}

    def translated(user: SourceUser) -> str | None:
        value = found(user)
        return table.get(clean(value)) or None if value is not None else None

    return translated


def _found(mapping: FieldMapping) -> _Raw:
    if (constant := mapping.constant) is not None:
        return lambda _: constant
    return _template(mapping.template) if mapping.template is not None else _first(mapping.sources)


def _reads_email(mapping: FieldMapping) -> bool:
    return EMAIL in mapping.sources or (mapping.template is not None and f"{{{EMAIL}}}" in mapping.template)


def _first(sources: tuple[str, ...]) -> _Raw:
    lookups = [lookup(name) for name in sources]
    if len(lookups) == 1:
        return lookups[0]

    def first(user: SourceUser) -> str | None:
        for one in lookups:
            value = one(user)
            if value is not None:
                return value
        return None

    return first


def _template(template: str) -> _Raw:
    """Missing parts are empty, spaces collapse, all missing: no value (rule 12)."""
    parts = [(text, lookup(name)) for text, name in _split(template)]
    tail = _PLACEHOLDER.split(template)[-1]

    def fill(user: SourceUser) -> str | None:
        values = [one(user) for _, one in parts]
        if parts and not any(values):
            return None
        text = "".join(before + (value or "") for (before, _), value in zip(parts, values, strict=True)) + tail
        return _SPACES.sub(" ", text).strip() or None

    return fill


def _split(template: str) -> list[tuple[str, str]]:
    pieces = _PLACEHOLDER.split(template)
    return list(zip(pieces[0:-1:2], pieces[1::2], strict=True))
