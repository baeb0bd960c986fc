# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Who can sign in, and the identifiers that never change between runs."""

from __future__ import annotations

from dataclasses import dataclass

TENANT = "6f1d2c3b-8a47-4e59-9b60-7c1e5d2a4f38"
DOMAIN = "sandbox.example"
PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
CLIENT_ID = "11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True)
class Person:
    address: str
    given_name: str
    surname: str
    oid: str
    job: str

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.surname}"

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
            "userPrincipalName": self.address,
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


def find_person(address: str) -> Person | None:
    wanted = address.strip().lower()
    for person in PEOPLE:
        if wanted in (person.address, person.oid):
            return person
    return None
