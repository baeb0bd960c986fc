# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The sandbox's Entra ID: what it grants, and each thing that it refuses."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse

import pytest
from client import Sandbox
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from peer import (
    ADA,
    AUTHORIZE_PATH,
    CALLBACK,
    SCOPE,
    TOKEN_PATH,
    VERIFIER,
    Answer,
    Peer,
    claims_of,
)

TENANT = "6f1d2c3b-8a47-4e59-9b60-7c1e5d2a4f38"
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
WELL_KNOWN = "/v2.0/.well-known/openid-configuration"


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signed_by(token: str, key: dict[str, str]) -> None:
    """Verify an RS256 signature with a published key; raises when it is not its."""
    head, claims, signature = token.split(".")
    n, e = (int.from_bytes(decoded(key[name]), "big") for name in ("n", "e"))
    public = rsa.RSAPublicNumbers(e, n).public_key()
    public.verify(
        decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
    )


@pytest.mark.parametrize(
    "word, issuer, named",
    [
        ("common", "{tenantid}", "common"),
        ("organizations", "{tenantid}", "organizations"),
        ("consumers", PERSONAL, "consumers"),
        (TENANT, TENANT, TENANT),
        ("sandbox.example", TENANT, TENANT),
    ],
)
def test_discovery(peer: Peer, word: str, issuer: str, named: str) -> None:
    answer = peer.ask("GET", f"/{word}{WELL_KNOWN}")
    document = answer.json
    assert answer.status == 200
    assert answer.headers["cache-control"] == "max-age=86400, private"
    assert document["issuer"] == f"{peer.box.base}/{issuer}/v2.0"
    assert document["token_endpoint"] == f"{peer.box.base}/{named}/oauth2/v2.0/token"
    assert document["authorization_endpoint"].startswith(peer.box.facts["browser_base"])
    for absent in ("revocation_endpoint", "code_challenge_methods_supported"):
        assert absent not in document


def test_unknown_tenant(peer: Peer) -> None:
    for path in (f"/nobody.example{WELL_KNOWN}", "/nobody.example/discovery/v2.0/keys"):
        answer = peer.ask("GET", path)
        assert (answer.status, answer.codes) == (400, [90002])
        assert answer.json["error"] == "invalid_tenant"
    assert b"AADSTS90002" in peer.authorize("/nobody.example/oauth2/v2.0/authorize").body
    answer = peer.token("/nobody.example/oauth2/v2.0/token", grant_type="refresh_token")
    assert (answer.status, answer.codes) == (400, [90002])


def test_keys_are_published_as_entra_does(peer: Peer) -> None:
    keys = peer.ask("GET", "/common/discovery/v2.0/keys").json["keys"]
    assert [key["issuer"].split("/")[3] for key in keys][-1] == PERSONAL
    assert keys[0]["issuer"] == f"{peer.box.base}/{{tenantid}}/v2.0"
    for key in keys:
        assert "alg" not in key and key["kid"] == key["x5t"]
        certificate = x509.load_der_x509_certificate(base64.b64decode(key["x5c"][0]))
        numbers = certificate.public_key().public_numbers()  # type: ignore[union-attr]
        assert numbers.n == int.from_bytes(decoded(key["n"]), "big")  # type: ignore[union-attr]


def test_sign_in_gives_a_signed_id_token(peer: Peer) -> None:
    tokens = peer.sign_in()
    claims = claims_of(tokens["id_token"])
    keys = peer.ask("GET", "/common/discovery/v2.0/keys").json["keys"]
    header = json.loads(decoded(tokens["id_token"].split(".")[0]))
    assert header["alg"] == "RS256" and header["kid"] == keys[0]["kid"]
    signed_by(tokens["id_token"], keys[0])
    assert claims["iss"] == f"{peer.box.base}/{TENANT}/v2.0"
    assert claims["aud"] == peer.box.facts["client_id"]
    assert (claims["tid"], claims["ver"]) == (TENANT, "2.0")
    assert claims["oid"] == peer.box.facts["people"][0]["oid"]
    assert claims["nonce"] == "nonce-of-the-test"
    assert claims["preferred_username"] == claims["email"] == ADA
    assert claims["exp"] - claims["iat"] == 3600
    assert tokens["token_type"] == "Bearer"
    assert 3599 <= tokens["expires_in"] <= 5399
    assert tokens["scope"].split()[:2] == [
        "https://graph.microsoft.com/Calendars.ReadWrite",
        "https://graph.microsoft.com/User.Read",
    ]
    assert "offline_access" not in tokens["scope"]
    assert 1500 <= len(tokens["access_token"]) <= 2048 and len(tokens["refresh_token"]) >= 1000


def test_people_keep_their_object_ids(peer: Peer) -> None:
    first = claims_of(peer.sign_in("grace@sandbox.example")["id_token"])
    peer.box.reset()
    again = claims_of(peer.sign_in("grace@sandbox.example")["id_token"])
    assert (first["oid"], first["sub"]) == (again["oid"], again["sub"])
    assert first["oid"] != claims_of(peer.sign_in("alan@sandbox.example")["id_token"])["oid"]


def test_page_to_choose_a_person(peer: Peer) -> None:
    shown = peer.authorize(login_hint=None)
    assert shown.status == 200 and b"Grace Hopper" in shown.body
    back = press(peer, shown.body.decode(), "grace@sandbox.example")
    assert back.status == 302 and back.location.startswith(CALLBACK + "?code=")
    assert back.returned["state"] == "state-of-the-test" and back.returned["session_state"]
    tokens = peer.redeem(back.returned["code"]).json
    assert claims_of(tokens["id_token"])["email"] == "grace@sandbox.example"


def press(peer: Peer, page: str, choice: str) -> Answer:
    """Press a button of the page."""
    action = re.search(r'action="([^"]+)"', page)
    flow = re.search(r'name="flow" value="([^"]+)"', page)
    assert action and flow
    form = urllib.parse.urlencode({"flow": flow.group(1), "choice": choice})
    kind = "application/x-www-form-urlencoded"
    return peer.ask("POST", action.group(1), form, Content_Type=kind)


def test_page_works_once(peer: Peer) -> None:
    page = peer.authorize(login_hint=None).body.decode()
    assert press(peer, page, ADA).status == 302
    assert b"AADSTS9002313" in press(peer, page, ADA).body


def test_cancel_and_decline(peer: Peer) -> None:
    page = peer.authorize(login_hint=None).body.decode()
    assert press(peer, page, "cancel").returned == {
        "error": "access_denied",
        "error_subcode": "cancel",
        "state": "state-of-the-test",
    }
    page = peer.authorize(login_hint=None).body.decode()
    declined = press(peer, page, "decline").returned
    assert declined["error"] == "access_denied"
    assert declined["error_description"].startswith("AADSTS65004:")


@pytest.mark.parametrize("prompt", ["login", "consent", "select_account"])
def test_prompt_shows_the_page_in_spite_of_a_hint(peer: Peer, prompt: str) -> None:
    assert b"Pick an account" in peer.authorize(prompt=prompt).body


def test_hint_of_nobody_shows_the_page(peer: Peer) -> None:
    assert b"mallory@sandbox.example" in peer.authorize(login_hint="mallory@sandbox.example").body


def test_prompt_none(peer: Peer) -> None:
    assert peer.authorize(prompt="none").returned["code"]
    refused = peer.authorize(prompt="none", login_hint=None).returned
    assert (refused["error"], refused["state"]) == ("login_required", "state-of-the-test")
    assert refused["error_description"].startswith("AADSTS50058:")


def test_work_accounts_cannot_use_consumers(peer: Peer) -> None:
    assert b"AADSTS50020" in peer.authorize("/consumers/oauth2/v2.0/authorize").body


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"client_id": None}, 900144),
        ({"client_id": "99999999-2222-3333-4444-555555555555"}, 700016),
        ({"redirect_uri": None}, 900144),
        ({"redirect_uri": "https://evil.example/auth/callback"}, 50011),
        ({"redirect_uri": CALLBACK + "/"}, 50011),
        ({"redirect_uri": CALLBACK + "?x=1"}, 50011),
        ({"redirect_uri": "https://APP.example/auth/callback"}, 50011),
        ({"redirect_uri": "http://app.example/auth/callback"}, 50011),
        ({"redirect_uri": "http://localhost:8080/auth/Callback"}, 50011),
        ({"redirect_uri": "https://localhost:8080/auth/callback"}, 50011),
        ({"redirect_uri": "http://localhost:8x/auth/callback"}, 50011),
        ({"response_type": None}, 900144),
    ],
)
def test_faults_that_only_a_page_tells(
    peer: Peer, changes: dict[str, str | None], code: int
) -> None:
    answer = peer.authorize(**changes)
    assert answer.status == 400 and "location" not in answer.headers
    assert f"AADSTS{code}:".encode() in answer.body


def test_repeated_parameter_is_told_by_a_page(peer: Peer) -> None:
    answer = peer.ask("GET", f"{AUTHORIZE_PATH}?{peer.authorize_query()}&state=second")
    assert b"AADSTS9002313" in answer.body and "location" not in answer.headers
    long = peer.authorize(state="s" * 20000)
    assert b"AADSTS90015" in long.body


def test_port_of_localhost_does_not_count(peer: Peer) -> None:
    target = "http://localhost:8123/auth/callback"
    answer = peer.authorize(redirect_uri=target)
    assert answer.location.startswith(target + "?code=")
    assert peer.redeem(answer.returned["code"], redirect_uri=target).status == 200


@pytest.mark.parametrize(
    "changes, error, code",
    [
        ({"response_type": "token"}, "unsupported_response_type", 70005),
        ({"response_type": "code id_token"}, "unsupported_response_type", 700054),
        ({"response_mode": "smoke"}, "unsupported_response_type", 70007),
        ({"prompt": "login consent"}, "invalid_request", 90023),
        ({"scope": None}, "invalid_request", 900144),
        ({"scope": "Calendars.Everything"}, "invalid_client", 650053),
        ({"scope": "openid .default Calendars.Read"}, "invalid_scope", 70011),
        ({"scope": "openid Group.ReadWrite.All"}, "access_denied", 90094),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request", 9002325),
        ({"code_challenge": None}, "invalid_request", 9002325),
        ({"code_challenge_method": "plain"}, "invalid_request", 50149),
        ({"code_challenge_method": None}, "invalid_request", 50149),
        ({"code_challenge_method": "S512"}, "invalid_request", 50149),
        ({"code_challenge": "short"}, "invalid_request", 501491),
        ({"claims": "not json"}, "invalid_request", 90013),
    ],
)
def test_faults_told_to_the_application(
    peer: Peer, changes: dict[str, str | None], error: str, code: int
) -> None:
    answer = peer.authorize(**changes)
    assert answer.status == 302 and answer.location.startswith(CALLBACK + "?")
    assert answer.returned["error"] == error
    assert answer.returned["error_description"].startswith(f"AADSTS{code}:")
    assert answer.returned["state"] == "state-of-the-test"


def test_response_modes(peer: Peer) -> None:
    assert "#code=" in peer.authorize(response_mode="fragment").location
    page = peer.authorize(response_mode="form_post")
    assert page.status == 200 and f'action="{CALLBACK}"'.encode() in page.body
    assert b'name="code"' in page.body and b'value="state-of-the-test"' in page.body


def test_client_info(peer: Peer) -> None:
    info = json.loads(decoded(peer.authorize(client_info="1").returned["client_info"]))
    assert info == {"uid": peer.box.facts["people"][0]["oid"], "utid": TENANT}
    tokens = peer.redeem(peer.code(), client_info="1").json
    assert json.loads(decoded(tokens["client_info"])) == info


def test_single_tenant_application(peer: Peer) -> None:
    peer.box.settings(single_tenant=True)
    assert b"AADSTS50194" in peer.authorize().body
    assert peer.authorize(f"/{TENANT}/oauth2/v2.0/authorize").returned["code"]


def test_code_works_once(peer: Peer) -> None:
    code = peer.code()
    assert peer.redeem(code).status == 200
    again = peer.redeem(code)
    assert (again.status, again.json["error"], again.codes) == (400, "invalid_grant", [54005])


def test_refused_try_does_not_use_the_code_up(peer: Peer) -> None:
    code = peer.code()
    assert peer.redeem(code, client_secret="wrong").status == 401
    assert peer.redeem(code, code_verifier="w" * 43).status == 400
    assert peer.redeem(code).status == 200


def test_code_ends(peer: Peer) -> None:
    code = peer.code()
    peer.box.settings(code_seconds=0)
    assert peer.redeem(code).codes == [70008]


@pytest.mark.parametrize(
    "changes, status, error, code",
    [
        ({"code_verifier": None}, 400, "invalid_grant", 50148),
        ({"code_verifier": "w" * 50}, 400, "invalid_grant", 501481),
        ({"code_verifier": VERIFIER + "x"}, 400, "invalid_grant", 501481),
        ({"code_verifier": "short"}, 400, "invalid_grant", 50147),
        ({"code_verifier": "v" * 129}, 400, "invalid_grant", 50147),
        ({"redirect_uri": "https://app.example/other"}, 401, "invalid_client", 500112),
        ({"redirect_uri": None}, 400, "invalid_request", 900144),
        ({"code": None}, 400, "invalid_request", 900144),
        ({"code": "rubbish"}, 400, "invalid_grant", 9002313),
        ({"client_id": None}, 400, "invalid_request", 900144),
        ({"client_id": "99999999-2222-3333-4444-555555555555"}, 400, "unauthorized_client", 700016),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_assertion": "a.b.c"}, 400, "invalid_request", 9002313),
        ({"grant_type": None}, 400, "invalid_request", 900144),
        ({"grant_type": "magic"}, 400, "unsupported_grant_type", 70003),
        ({"resource": "https://graph.microsoft.com"}, 400, "invalid_request", 901002),
        ({"scope": "Mail.Read"}, 400, "invalid_grant", 65001),
        ({"scope": "No.Such"}, 400, "invalid_scope", 70011),
    ],
)
def test_code_is_refused(
    peer: Peer, changes: dict[str, str | None], status: int, error: str, code: int
) -> None:
    answer = peer.redeem(peer.code(), **changes)
    assert (answer.status, answer.json["error"], answer.codes) == (status, error, [code])
    body = answer.json
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", body["timestamp"])
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert body["trace_id"] == answer.headers["x-ms-request-id"]
    assert answer.headers["cache-control"] == "no-store, no-cache"


def test_code_of_another_tenant(peer: Peer) -> None:
    answer = peer.redeem(peer.code(), path="/consumers/oauth2/v2.0/token")
    assert answer.codes == [700005]


def test_secret_that_expired(peer: Peer) -> None:
    peer.box.settings(secret_expired=True)
    answer = peer.redeem(peer.code())
    assert (answer.status, answer.json["error"], answer.codes) == (401, "invalid_client", [7000222])


def test_basic_authentication_of_the_client(peer: Peer) -> None:
    client = urllib.parse.quote(peer.box.facts["client_id"], safe="")
    right = f"{client}:{urllib.parse.quote(peer.box.client_secret, safe='')}"
    assert by_basic(peer, right).status == 200
    assert by_basic(peer, f"{client}:wrong").codes == [7000215]
    assert by_basic(peer, "no-colon").codes == [9002313]
    assert by_basic(peer, right, client_secret=peer.box.client_secret).codes == [9002313]


def by_basic(peer: Peer, text: str, **more: str) -> Answer:
    form = {
        "grant_type": "authorization_code",
        "code": peer.code(),
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **more,
    }
    packed = base64.b64encode(text.encode()).decode()
    return peer.ask(
        "POST",
        TOKEN_PATH,
        urllib.parse.urlencode(form),
        Content_Type="application/x-www-form-urlencoded",
        Authorization=f"Basic {packed}",
    )


def test_token_endpoint_takes_only_a_form_by_post(peer: Peer) -> None:
    assert peer.ask("GET", TOKEN_PATH).codes == [900561]
    assert peer.ask("POST", TOKEN_PATH, "{}", Content_Type="application/json").codes == [900144]
    kind = "application/x-www-form-urlencoded"
    assert peer.ask("POST", TOKEN_PATH, "", Content_Type=kind).codes == [900144]
    twice = "grant_type=refresh_token&grant_type=refresh_token"
    assert peer.ask("POST", TOKEN_PATH, twice, Content_Type=kind).codes == [9002313]


def test_origin_makes_it_a_browsers_request(peer: Peer) -> None:
    form = urllib.parse.urlencode(
        {
            "grant_type": "refresh_token",
            "refresh_token": peer.sign_in()["refresh_token"],
            "client_id": peer.box.facts["client_id"],
            "client_secret": peer.box.client_secret,
        }
    )
    answer = peer.ask(
        "POST",
        TOKEN_PATH,
        form,
        Content_Type="application/x-www-form-urlencoded",
        Origin="https://app.example",
    )
    assert answer.codes == [9002326]


def test_correlation_id_is_ours(peer: Peer) -> None:
    ours = "0f0f0f0f-1111-2222-3333-444444444444"
    headers = {"client_request_id": ours, "return_client_request_id": "true"}
    answer = peer.ask("POST", TOKEN_PATH, "", **headers)
    assert answer.json["correlation_id"] == answer.headers["client-request-id"] == ours


def test_refresh_rotates_and_the_old_one_lives(peer: Peer) -> None:
    first = peer.sign_in()
    second = peer.refresh(first["refresh_token"]).json
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert "nonce" not in claims_of(second["id_token"])
    assert peer.refresh(first["refresh_token"]).status == 200
    assert peer.refresh(second["refresh_token"]).status == 200


def test_family_ends_on_reuse_when_set(peer: Peer) -> None:
    peer.box.settings(revoke_on_reuse=True)
    first = peer.sign_in()["refresh_token"]
    other = peer.sign_in()["refresh_token"]
    second = peer.refresh(first).json["refresh_token"]
    reused = peer.refresh(first)
    assert (reused.status, reused.json["error"], reused.codes) == (400, "invalid_grant", [70000])
    assert peer.refresh(second).codes == [70000]
    assert peer.refresh(other).status == 200, "another sign-in is another family"


def test_no_new_refresh_token_when_set(peer: Peer) -> None:
    peer.box.settings(rotate=False)
    token = peer.sign_in()["refresh_token"]
    assert "refresh_token" not in peer.refresh(token).json
    assert peer.refresh(token).status == 200


@pytest.mark.parametrize(
    "changes, error, code",
    [
        ({"refresh_token": None}, "invalid_request", 900144),
        ({"refresh_token": "rubbish"}, "invalid_grant", 9002313),
        ({"scope": "Mail.Read"}, "invalid_grant", 65001),
        ({"scope": "https://outlook.office.com/SMTP.Send"}, "invalid_grant", 65001),
    ],
)
def test_refresh_is_refused(
    peer: Peer, changes: dict[str, str | None], error: str, code: int
) -> None:
    params = {"refresh_token": peer.sign_in()["refresh_token"], **changes}
    answer = peer.token(grant_type="refresh_token", **params)
    assert (answer.status, answer.json["error"], answer.codes) == (400, error, [code])


def test_refresh_token_ends_by_inactivity(peer: Peer) -> None:
    token = peer.sign_in()["refresh_token"]
    peer.box.settings(refresh_seconds=0)
    answer = peer.refresh(token)
    assert (answer.codes, answer.json["suberror"]) == ([700082], "token_expired")


def test_no_refresh_token_without_offline_access(peer: Peer) -> None:
    tokens = peer.sign_in(scope="openid User.Read")
    assert "refresh_token" not in tokens and "id_token" in tokens
    assert "id_token" not in peer.sign_in(scope="offline_access User.Read")


def test_one_refresh_token_serves_two_resources(peer: Peer) -> None:
    imap = "https://outlook.office.com/IMAP.AccessAsUser.All"
    tokens = peer.sign_in(scope=f"{SCOPE} {imap}")
    assert imap not in tokens["scope"]
    outlook = peer.refresh(tokens["refresh_token"], scope=imap).json
    assert outlook["scope"].split()[0] == imap
    both = peer.refresh(tokens["refresh_token"], scope=f"{imap} Calendars.ReadWrite")
    assert both.codes == [28000]


def test_earlier_consents_come_along(peer: Peer) -> None:
    peer.sign_in(scope="openid Mail.Read")
    assert "https://graph.microsoft.com/Mail.Read" in peer.sign_in()["scope"]


def test_scope_spelling(peer: Peer) -> None:
    peer.box.settings(scope_style="short")
    scope = f"openid offline_access {peer.box.base}/user.read https://graph.microsoft.com/MAIL.READ"
    assert peer.sign_in(scope=scope)["scope"] == "Mail.Read User.Read openid"


def test_consent_withdrawn(peer: Peer) -> None:
    token = peer.sign_in()["refresh_token"]
    peer.box.control("POST", "revoke", {"person": "alan@sandbox.example", "consent": True})
    assert peer.refresh(token).status == 200
    peer.box.control("POST", "revoke", {"person": ADA, "consent": True})
    assert peer.refresh(token).status == 400


def test_loop_guard(peer: Peer) -> None:
    peer.box.settings(rotate=False, loop_guard=3)
    token = peer.sign_in()["refresh_token"]
    assert [peer.refresh(token).status for _ in range(4)] == [200, 200, 200, 400]
    assert peer.refresh(token).codes == [50196]
    peer.box.settings(loop_guard=0)
    assert peer.refresh(token).status == 200


def test_forged_id_tokens(peer: Peer, box: Sandbox) -> None:
    box.settings(id_token_claims={"aud": "somebody else", "nonce": None})
    claims = claims_of(peer.sign_in()["id_token"])
    assert claims["aud"] == "somebody else" and "nonce" not in claims
    box.settings(id_token_claims={}, id_token_alg="none")
    assert peer.sign_in()["id_token"].endswith(".")
    box.settings(id_token_alg="HS256")
    assert json.loads(decoded(peer.sign_in()["id_token"].split(".")[0]))["alg"] == "HS256"
    keys = peer.ask("GET", "/common/discovery/v2.0/keys").json["keys"]
    box.settings(id_token_alg="RS256", sign_with="personal")
    signed_by(peer.sign_in()["id_token"], keys[-1])
    box.settings(sign_with="unpublished")
    unknown = json.loads(decoded(peer.sign_in()["id_token"].split(".")[0]))["kid"]
    assert unknown not in [key["kid"] for key in keys]


def test_token_members_are_replaced(peer: Peer) -> None:
    peer.box.settings(token_members={"expires_in": "3600", "refresh_token": None, "extra": [1]})
    tokens = peer.sign_in()
    assert (tokens["expires_in"], tokens["extra"]) == ("3600", [1])
    assert "refresh_token" not in tokens


def test_error_description_of_older_servers(peer: Peer) -> None:
    peer.box.settings(error_separator="\r\n")
    assert "\r\nTrace ID: " in peer.refresh("rubbish").json["error_description"]


def test_logout(peer: Peer) -> None:
    path = "/common/oauth2/v2.0/logout?post_logout_redirect_uri="
    known = peer.ask("GET", path + urllib.parse.quote(CALLBACK, safe=""))
    assert known.location == CALLBACK
    unknown = peer.ask("GET", path + "https%3A%2F%2Fevil.example%2F")
    assert unknown.status == 200 and "location" not in unknown.headers


def test_verbs(peer: Peer) -> None:
    assert peer.ask("DELETE", AUTHORIZE_PATH).status == 405
    assert peer.ask("POST", f"/common{WELL_KNOWN}").status == 405
    assert peer.ask("GET", "/common/login").status == 405
    assert peer.ask("GET", "/somewhere").status == 404
