# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Everything the sandbox remembers: settings, codes, tokens, consents, calendars, faults, calls."""

from __future__ import annotations

import datetime
import json
import random
import secrets
import time
from dataclasses import asdict, dataclass, field, fields

import groups
from aadsts import EntraError
from clients import Registration
from events import Calendar
from faults import Faults
from google import Google
from keys import KeySet
from ledger import Calls, Secrets
from mail import Mailbox
from people import CLIENT_ID, GUESTS, OTHERS, PEOPLE, Person
from scopes import GRAPHS, parse
from throttle import Load

CODE_SECONDS = 600


@dataclass
class Settings:
    """What tests can turn; the defaults are as near to the real service as we know it."""

    access_seconds: int | None = None  # None: by chance 3599 to 5399, 72000 to 100800 with cp1
    refresh_seconds: int = 90 * 86400  # of inactivity
    code_seconds: int = CODE_SECONDS
    access_bytes: int = 1700
    refresh_bytes: int = 1050
    revoke_on_reuse: bool = False  # not Entra's way: providers that rotate strictly
    rotate: bool = True  # False: no refresh_token in answers to a refresh
    require_pkce: bool = True  # stricter than Entra is for web applications
    loop_guard: int = 15  # identical token requests in 5 minutes; 0: any number
    scope_style: str = "full"  # or "short"
    cloud: str = "global"  # or "us-gov", "us-dod", "china"
    error_separator: str = " "  # "\r\n" as older servers
    single_tenant: bool = False
    behalf_challenge: bool = False  # Conditional Access wants the user at each on-behalf-of
    admin_consented: bool = False
    public_flows: bool = False  # "Allow public client flows": no secret for grants without browser
    lockout_threshold: int = 10  # wrong passwords in a row, after which the account is locked
    device_interval: int = 5
    device_seconds: int = 900
    secret_expired: bool = False
    secrets_in: str = "any"  # or "basic", "post": the one place where a secret is taken
    assertion_algorithms: str = ""  # blank-separated; "": Entra's, and the document says nothing
    token_members: dict[str, object] = field(default_factory=dict)  # null: left out
    id_token_claims: dict[str, object] = field(default_factory=dict)  # null: left out
    id_token_alg: str = "RS256"  # or "none", "HS256"
    sign_with: str = "current"  # or "personal", "unpublished"
    mailbox_concurrency: int = 4  # 0: any
    mailbox_requests: int = 10_000  # in 10 minutes; 0: any
    page_limit: int = 1000  # the largest page that $top gets
    subscription_minutes: int = 10_080  # the longest life; older pages have 4,230
    paging: str = "skiptoken"  # or "skip", as Outlook does
    google_testing: bool = False  # publishing status: refresh tokens live for 7 days
    google_bare_issuer: bool = False  # id_tokens name their issuer without https://
    google_unticked: str = ""  # blank-separated scopes that a person does not grant
    google_always_refresh: bool = False  # as other OpenID providers do
    google_most_tokens: int = 100  # refresh tokens of one account and client
    google_page_limit: int = 0  # the largest page of Google's calendars; 0: what is asked for
    google_domain: str = ""  # of a Workspace organisation, whose accounts' id_tokens have hd
    clock_skew: int = 0  # seconds that the sandbox's Date and id_token times are ahead


WORDS = {
    "scope_style": ("full", "short"),
    "secrets_in": ("any", "basic", "post"),
    "cloud": tuple(GRAPHS),
    "paging": ("skiptoken", "skip"),
    "id_token_alg": ("RS256", "none", "HS256"),
    "sign_with": ("current", "personal", "unpublished"),
}


def change_settings(settings: Settings, wanted: dict[str, object]) -> None:
    """Take over what is given; an unknown name or a wrong type changes nothing at all."""
    known = {item.name: getattr(Settings(), item.name) for item in fields(Settings)}
    for name, value in wanted.items():
        if name not in known:
            raise ValueError(f"no such setting: {name}")
        kind = int if name == "access_seconds" else type(known[name])
        is_right = type(value) is kind or (name == "access_seconds" and value is None)
        if not is_right or value not in WORDS.get(name, (value,)):
            raise ValueError(f"{name}: not a value that it takes")
    for name, value in wanted.items():
        setattr(settings, name, value)


@dataclass(eq=False)
class Demand:
    """What tokens of a person must meet: members of access_token in a claims parameter."""

    claims: dict[str, object]
    needs_user: bool

    def text(self) -> str:
        return json.dumps({"access_token": self.claims})


@dataclass
class Code:
    text: str
    person: Person
    scopes: frozenset[str]
    redirect_uri: str
    challenge: str
    nonce: str
    tenant: str
    issued: float
    is_used: bool = False
    has_cae: bool = False
    met: Demand | None = None
    client_id: str = CLIENT_ID


@dataclass
class RefreshToken:
    """`family`: all that came from one sign-in. `ended`: the AADSTS code it now gets, or 0."""

    text: str
    person: Person
    scopes: frozenset[str]
    family: int
    used_at: float
    uses: int = 0
    ended: int = 0
    met: Demand | None = None
    client_id: str = CLIENT_ID


@dataclass
class AccessToken:
    text: str
    person: Person
    scopes: frozenset[str]
    resource: str
    ends_at: float
    has_cae: bool = False
    is_revoked: bool = False
    met: Demand | None = None


@dataclass
class Login:
    """How a person's password is answered. `code`: refused with it although it is right."""

    password: str
    code: int = 0
    is_federated: bool = False
    wrong: int = 0


@dataclass
class Device:
    """One device code. `person`: has agreed; `ended`: the error that polls get."""

    code: str
    user_code: str
    client_id: str
    tenant: str
    scope: str
    ends_at: float
    interval: int
    polled_at: float = 0.0
    person: Person | None = None
    ended: str = ""


def is_of(account: Person, person: Person | None) -> bool:
    """Whether an account is a person's, at home or as a guest; None: of any."""
    return person is None or person.oid in (account.oid, account.home)


def opaque(prefix: str, length: int) -> str:
    """A text of that many characters that looks like a token and means nothing."""
    return (prefix + secrets.token_urlsafe(max(length, 32)))[: max(length, 32)]


@dataclass
class Client:
    """A registration; of one tenant only, or of all."""

    client_id: str
    secret: str
    tenant: str = ""


@dataclass
class Upload:
    """An upload session."""

    oid: str
    name: str
    tempauth: str
    ends_at: float
    total: int = 0  # bytes, as the first range says; 0: not said yet
    body: bytearray = field(default_factory=bytearray)


@dataclass
class Look:
    """What a client that asks for changes has been told: of whom it keeps a copy."""

    window: tuple[datetime.datetime, datetime.datetime]
    known: dict[str, object] = field(default_factory=dict)  # by id: the tag
    left: list[dict[str, object]] = field(default_factory=list)  # of pages that follow


class World:
    """One sandbox."""

    def __init__(self, base: str, client_secret: str, is_demo: bool) -> None:
        self.base = base
        self.browser_base = base
        self.client_secret = client_secret
        self.is_demo = is_demo
        self.keys = KeySet()
        self.secrets = Secrets()
        self.calls = Calls()
        self.faults = Faults()
        self.redirect_uris: list[str] = []
        self.families = 0
        self.sending: set[object] = set()
        self.begin()

    def begin(self) -> None:
        """The state of a fresh start; keys, redirect URIs and the list of secrets stay."""
        self.settings = Settings()
        self.google = Google()
        self.subscriptions: dict[str, object] = {}
        self.codes: dict[str, Code] = {}
        self.refresh_tokens: dict[str, RefreshToken] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.flows: dict[str, dict[str, str]] = {}
        everybody = (*PEOPLE, *OTHERS, *GUESTS)
        self.logins: dict[str, Login] = {}
        self.devices: dict[str, Device] = {}
        self.clients: dict[str, Client] = {CLIENT_ID: Client(CLIENT_ID, self.client_secret)}
        self.admin_consents: set[str] = set()  # tenants
        self.consents: dict[str, set[str]] = {person.oid: set() for person in everybody}
        self.recent: dict[str, list[float]] = {}
        self.demands: dict[str, Demand] = {}
        self.disabled: set[str] = set()
        self.mailbox_load: dict[str, Load] = {}
        self.uploads: dict[str, Upload] = {}
        self.files: dict[tuple[str, str], bytes] = {}
        self.looks: dict[str, Look] = {}
        self.calendars = {person.oid: Calendar(person) for person in everybody}
        self.mailboxes = {person.oid: Mailbox(person) for person in everybody}
        self.groups = groups.begin()
        self.secrets.see("client_secret", self.client_secret)
        self.registration = Registration([self.client_secret])

    @property
    def graph(self) -> str:
        """Where the imitated cloud's Graph stands."""
        return GRAPHS[self.settings.cloud]

    def people(self) -> tuple[Person, ...]:
        return PEOPLE

    def asked_scopes(self, text: str) -> frozenset[str]:
        """What a scope parameter names, nothing when it is left out; here an unknown scope is an
        invalid_scope, where the authorize endpoint blames the client."""
        try:
            return parse(text, self.base, self.graph)
        except EntraError as error:
            raise EntraError(70011, (text,)) from error

    def now(self) -> float:
        return time.time() + self.settings.clock_skew

    def access_life(self, has_cae: bool) -> int:
        wanted = self.settings.access_seconds
        if wanted is not None:
            return wanted
        return random.randint(72_000, 100_800) if has_cae else random.randint(3599, 5399)

    def settings_json(self) -> dict[str, object]:
        return asdict(self.settings)

    def new_access(
        self, person: Person, scopes: frozenset[str], resource: str, has_cae: bool
    ) -> tuple[AccessToken, int]:
        life = self.access_life(has_cae)
        # Three parts as a JWT has, without any meaning: clients must not read it.
        third = self.settings.access_bytes // 3
        text = ".".join([opaque("eyJ0eXAi", third), opaque("eyJ", third), opaque("", third)])
        self.secrets.see("access_token", text)
        token = AccessToken(text, person, scopes, resource, time.time() + life, has_cae)
        self.access_tokens[text] = token
        return token, life

    def new_refresh(
        self, person: Person, scopes: frozenset[str], family: int, client_id: str = CLIENT_ID
    ) -> RefreshToken:
        text = self.secrets.see("refresh_token", opaque("1.A", self.settings.refresh_bytes))
        token = RefreshToken(text, person, scopes, family, time.time(), client_id=client_id)
        self.refresh_tokens[text] = token
        return token

    def revoke(self, person: Person | None, code: int) -> int:
        """End the refresh tokens of a person, or of all; how many that were."""
        count = 0
        for token in self.refresh_tokens.values():
            if is_of(token.person, person) and not token.ended:
                token.ended = code
                count += 1
        return count

    def revoke_family(self, family: int, code: int) -> None:
        for token in self.refresh_tokens.values():
            if token.family == family:
                token.ended = token.ended or code

    def end_access(self, person: Person | None, *, is_revoked: bool) -> int:
        """Let the access tokens of a person, or of all, be over (or revoked) from now on."""
        count = 0
        for token in self.access_tokens.values():
            if is_of(token.person, person):
                count += 1
                token.is_revoked = token.is_revoked or is_revoked
                token.ends_at = token.ends_at if is_revoked else 0.0
        return count
