# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Who can sign in, and the identifiers that never change between runs."""

from __future__ import annotations

from dataclasses import dataclass

TENANT = "6f1d2c3b-8a47-4e59-9b60-7c1e5d2a4f38"
DOMAIN = "sandbox.example"
PARTNER_TENANT = "0c9e7f55-3b1a-4d62-a4f7-2e86d10b9c47"
PARTNER_DOMAIN = "partner.example"
PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
CLIENT_ID = "11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True)
class Person:
    address: str
    given_name: str
    surname: str
    oid: str
    job: str
    tenant: str = TENANT
    home: str = ""  # of a guest: the oid of the same person's account at home

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.surname}"

    @property
    def principal(self) -> str:
        """A guest goes by a name of the tenant's own."""
        if not self.home:
            return self.address
        return f"{self.address.replace('@', '_')}#EXT#@{DOMAIN}"

    def aliases(self) -> list[str]:
        """Further addresses of the mailbox, as proxyAddresses has them."""
        return [f"smtp:{self.given_name.lower()}.{self.surname.lower()}@{DOMAIN}"]

    def profile(self) -> dict[str, object]:
        """The user as Graph shows it, members in Graph's order."""
        return {
            "businessPhones": [],
            "displayName": self.name,
            "givenName": self.given_name,
            "jobTitle": self.job,
            "mail": self.address,
            "mobilePhone": None,
            "officeLocation": None,
            "preferredLanguage": "en-GB",
            "surname": self.surname,
            "userPrincipalName": self.principal,
            "id": self.oid,
        }


ADA = "a0a0a0a0-1815-4d12-8a10-000000001815"
GRACE = "b1b1b1b1-1906-4d09-8c09-000000001906"
ALAN = "c2c2c2c2-1912-4e23-8623-000000001912"
PEOPLE = (
    Person("ada@sandbox.example", "Ada", "Lovelace", ADA, "Analyst"),
    Person("grace@sandbox.example", "Grace", "Hopper", GRACE, "Admiral"),
    Person("alan@sandbox.example", "Alan", "Turing", ALAN, "Fellow"),
)

# Another organisation's, who is a guest of the first, and one with a personal account.
EMMY = "e3e3e3e3-1882-4323-8323-000000001882"
EMMY_AS_GUEST = "e4e4e4e4-1882-4323-8323-000000001915"
MARY = "00000000-0000-0000-1780-112600001780"
OTHERS = (
    Person("emmy@partner.example", "Emmy", "Noether", EMMY, "Professor", PARTNER_TENANT),
    Person("mary@outlook.example", "Mary", "Somerville", MARY, "Polymath", PERSONAL_TENANT),
)
GUESTS = (Person("emmy@partner.example", "Emmy", "Noether", EMMY_AS_GUEST, "Guest", TENANT, EMMY),)
# Whose tokens of the application itself are.
APPLICATION = Person("", "The", "Application", CLIENT_ID, "")


def find_person(address: str) -> Person | None:
    wanted = address.strip().lower()
    for person in (*PEOPLE, *OTHERS):
        if wanted in (person.address, person.oid):
            return person
    return None


def account_at(person: Person, tenant: str) -> Person | None:
    """The account that a person has where a request goes: at home for common and organizations,
    and as a guest where one was made; None where there is none."""
    home = person
    if person.home:
        home = next(one for one in OTHERS if one.oid == person.home)
    is_personal = home.tenant == PERSONAL_TENANT
    if tenant == "common" or (tenant == "organizations" and not is_personal):
        return home
    if tenant == "consumers":
        return home if is_personal else None
    for account in (home, *GUESTS):
        if account.tenant == tenant and home.oid in (account.oid, account.home):
            return account
    return None
