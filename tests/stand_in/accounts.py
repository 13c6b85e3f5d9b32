"""Who asks, in which organisation, and what they may do."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from tests.stand_in.http import Answer, Request, Route, problem

if TYPE_CHECKING:
    from tests.stand_in.server import StandIn

ORG = {
    "id": 1,
    "name": "Main Org.",
    "address": {"address1": "", "address2": "", "city": "", "zipCode": "", "state": "", "country": ""},
}

_VIEWER = {"datasources:read", "datasources:query", "orgs:read", "alert.rules:read"}
_EDITOR = _VIEWER | {
    "folders:create", "folders:read", "dashboards:create", "datasources:explore",
    "alert.rules:create", "alert.rules:write", "alert.rules:delete",
}  # fmt: skip
_ADMIN = _EDITOR | {
    "folders:write", "folders:delete", "dashboards:read", "dashboards:write", "dashboards:delete",
    "datasources:create", "datasources:write", "datasources:delete", "alert.provisioning:read",
    "alert.provisioning:write", "orgs:write", "serviceaccounts:create", "serviceaccounts:read",
    "serviceaccounts:write", "serviceaccounts:delete",
}  # fmt: skip
#: What a role may do wherever it is.
ROLES = {"Viewer": _VIEWER, "Editor": _EDITOR, "Admin": _ADMIN}
#: What it may do, besides, to the folders and dashboards there are: on an empty Grafana, nobody but an Admin is told
#: that a dashboard is not there. (A real one remembers an account's permissions for a minute, this one does not.)
UPON_FOLDERS = {
    "Viewer": {"folders:read", "dashboards:read"},
    "Editor": {"folders:read", "folders:write", "folders:delete", "dashboards:read", "dashboards:write",
               "dashboards:delete"},
    "Admin": set(),
}  # fmt: skip
#: Only the administrator of the whole server, who has a password.
UPON_SERVER = {"orgs:create", "orgs:delete"}


def permitted(grafana: StandIn, request: Request) -> set[str]:
    """The actions that the one who asks may take."""
    upon_folders: set[str] = UPON_FOLDERS[request.role] if grafana.folders or grafana.dashboards else set()
    return ROLES[request.role] | upon_folders | (set() if request.by_token else UPON_SERVER)


def in_unknown_org(request: Request) -> bool:
    """Whether a header names an organisation that is not. Tokens belong to one, and any other words are not heard."""
    named = request.headers.get("X-Grafana-Org-Id", "")
    return named.isdigit() and int(named) not in (0, ORG["id"]) and not request.by_token


def _org(grafana: StandIn, request: Request) -> Answer:
    return Answer(200, ORG)


def _user(grafana: StandIn, request: Request) -> Answer:
    if request.by_token:
        return problem(404, "user not found")
    return Answer(
        200,
        {"id": 1, "email": f"{request.login}@localhost", "name": "", "login": request.login, "theme": "", "orgId": 1,
         "isGrafanaAdmin": True, "isDisabled": False, "isExternal": False, "authLabels": []},
    )  # fmt: skip


def _orgs_of_user(grafana: StandIn, request: Request) -> Answer:
    mine = {"orgId": ORG["id"], "name": ORG["name"], "role": request.role}
    return Answer(200, [] if request.by_token else [mine])


def _permissions(grafana: StandIn, request: Request) -> Answer:
    return Answer(200, {action: [""] for action in sorted(permitted(grafana, request))})


def _create(grafana: StandIn, request: Request) -> Answer:
    name, role = request.fields["name"], request.fields.get("role", "Viewer")
    if name in {account["name"] for account in grafana.service_accounts.values()}:
        return problem(400, "Failed to create service account")
    number = grafana.new_id()
    made = {"id": number, "name": name, "login": f"sa-{name.lower()}", "role": role, "orgId": -1, "isDisabled": False,
            "tokens": 0, "avatarUrl": ""}  # fmt: skip
    grafana.service_accounts[number] = made
    return Answer(201, made)


def _create_token(grafana: StandIn, request: Request, number: str) -> Answer:
    account = grafana.service_accounts[int(number)]
    key = f"glsa_{secrets.token_hex(16)}"
    grafana.logins[f"Bearer {key}"] = (account["login"], account["role"])
    return Answer(200, {"id": grafana.new_id(), "name": request.fields["name"], "key": key})


def _delete(grafana: StandIn, request: Request, number: str) -> Answer:
    login = grafana.service_accounts.pop(int(number))["login"]
    grafana.logins = {key: whose for key, whose in grafana.logins.items() if whose[0] != login}
    return Answer(200, {"message": "Service account deleted"})


ROUTES = [
    Route("GET", "/api/org", _org),
    Route("GET", "/api/user", _user),
    Route("GET", "/api/user/orgs", _orgs_of_user),
    Route("GET", "/api/access-control/user/permissions", _permissions),
    Route("POST", "/api/serviceaccounts", _create, "serviceaccounts:create"),
    Route("POST", "/api/serviceaccounts/([0-9]+)/tokens", _create_token, "serviceaccounts:write"),
    Route("DELETE", "/api/serviceaccounts/([0-9]+)", _delete, "serviceaccounts:delete"),
]
