# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Continuous access evaluation: an event ends a person's access before the tokens' time is over.

It concerns clients that declared cp1, when they signed in and in each token request. Graph then
refuses their tokens with a claims challenge, and the token endpoint gives no other one without the
claims that were demanded. Tokens of all other clients live on.
Source: Microsoft, "Continuous access evaluation", "Claims challenges, claims requests, and client
capabilities".
"""

from __future__ import annotations

import json
import time

from aadsts import EntraError
from people import Person
from state import AccessToken, Demand, World

EVENTS = {  # what a refresh token gets from then on
    "user_disabled": 50057,
    "password_changed": 50133,
    "session_revoked": 50173,
    "location_changed": 0,
}


def happen(world: World, person: Person, event: str, needs_user: bool) -> Demand:
    """An event, from now on; needs_user: a sign-in alone can meet what is demanded."""
    essential = {"essential": True, "value": str(int(time.time()))}
    demanded: dict[str, object] = {"nbf": essential}
    if needs_user:
        demanded["acrs"] = {"essential": True, "value": "c1"}
    demand = Demand(demanded, needs_user)
    world.demands[person.oid] = demand
    if EVENTS[event]:
        world.revoke(person, EVENTS[event])
    if event == "user_disabled":
        world.disabled.add(person.oid)
    return demand


def demand_on(world: World, person: Person) -> Demand | None:
    return world.demands.get(person.oid) or world.demands.get(person.home)


def brings(claims: str, demand: Demand) -> bool:
    """Whether a claims parameter has all that is demanded."""
    try:
        given = json.loads(claims).get("access_token", {})
        return all(given.get(name) == value for name, value in demand.claims.items())
    except (ValueError, AttributeError):
        return False


def met_by_sign_in(world: World, person: Person, claims: str) -> Demand | None:
    """The demand that a sign-in meets. Any one is later than an event."""
    demand = demand_on(world, person)
    return demand if demand and (brings(claims, demand) or not demand.needs_user) else None


def check_refresh(world: World, person: Person, met: Demand | None, claims: str) -> Demand | None:
    """The demand that a refresh of a cp1 client meets, or has met before."""
    demand = demand_on(world, person)
    if demand is None or met is demand:
        return demand
    if demand.needs_user or not brings(claims, demand):
        raise EntraError(50076, error="interaction_required", claims=demand.text())
    return demand


def open_demand(world: World, token: AccessToken) -> Demand | None:
    """What Graph demands of a token before it takes it again."""
    demand = demand_on(world, token.person)
    return demand if demand and token.has_cae and token.met is not demand else None
