"""The file of `--mcp-config`: refused in one line where it is wrong, and shown to each client."""

import json
import subprocess
import sys
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import UsageError
from orchestrator.providers import mcp, toml
from orchestrator.providers.attachments import Attachments
from orchestrator.providers.mcp import Servers
from orchestrator.providers.showing import shown

CODEX = {"mcp_argv": ["-c", "mcp_servers.{mcp_name}={mcp_toml}"]}
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def kept(tmp_path, document):
    path = tmp_path / "my tools.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return str(path)


def one(**row):
    return {"mcpServers": {"one": row}}


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("", "is empty"),
        ("{", "is not sound JSON"),
        ("[" * 100_000, "is not sound JSON"),
        ('{"mcpServers": {"a": {"command": "x"}, "a": {"command": "y"}}}', "'a' is there twice"),
        ("[]", "mcpServers: is missing or no object"),
        ({"servers": {}}, "mcpServers: is missing or no object"),
        ({"mcpServers": []}, "mcpServers: is missing or no object"),
        ({"mcpServers": {}}, "mcpServers: is missing or no object"),
        ({"mcpServers": {"a b": {"command": "x"}}}, "mcpServers.a b: is no name"),
        ({"mcpServers": {"../a": {"command": "x"}}}, "mcpServers.../a: is no name"),
        ({"mcpServers": {"": {"command": "x"}}}, "mcpServers.: is no name"),
        ({"mcpServers": {"a" * 65: {"command": "x"}}}, "is no name; allowed: up to 64"),
        ({"mcpServers": {"one": "x"}}, "mcpServers.one: is no server"),
        (one(), "mcpServers.one: is no server"),
        (one(command="x", url="y"), "mcpServers.one: is no server"),
        (one(command=""), "mcpServers.one.command: is no text"),
        (one(command=["x"]), "mcpServers.one.command: is no text"),
        (one(command="a\0b"), "mcpServers.one.command: is no text"),
        (one(command="a\ud800"), "mcpServers.one.command: is no text"),
        (one(command="x", args="y"), "mcpServers.one.args: is no list of texts"),
        (one(command="x", args=[1]), "mcpServers.one.args: is no list of texts"),
        (one(command="x", env=["y"]), "mcpServers.one.env: is no object of texts"),
        (one(command="x", env={"A": 1}), "mcpServers.one.env: is no object of texts"),
        (one(command="x", env={"A;b": "c"}), "mcpServers.one.env: names what is no variable"),
        (one(command="x", type="http"), "mcpServers.one.type: is 'http'; allowed: stdio"),
        (one(command="x", cwd="/"), "mcpServers.one.cwd: is not known; allowed: type, command"),
        (one(url="x"), "mcpServers.one.url: is no address"),
        (one(url=["x"]), "mcpServers.one.url: is no address"),
        (one(url="http://[x"), "mcpServers.one.url: is no address"),
        (one(url="file:///x"), "mcpServers.one.url: is no address"),
        (one(url="https://"), "mcpServers.one.url: is no address"),
        (
            one(url="http://x", type="stdio"),
            "mcpServers.one.type: is 'stdio'; allowed: http or sse",
        ),
        (one(url="http://x", headers={"A": None}), "mcpServers.one.headers: is no object of texts"),
        (one(command="${NOT_SET}"), r"\$\{NOT_SET\}: is not set; export NOT_SET"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_name_and_the_place(tmp_path, document, why):
    path = kept(tmp_path, document)
    with pytest.raises(UsageError, match=why) as refused:
        mcp.read(path, {})
    assert str(refused.value).startswith(f"--mcp-config {path}: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("${A}", "value"),
        ("x${A}y${A}", "xvalueyvalue"),
        ("${NONE:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${A:-other}", "value"),
        ("${NONE:-}", ""),
        ("$A $ ${} ${9} {A}", "$A $ ${} ${9} {A}"),
        ("${B}", "${A}"),
    ],
)
def test_the_environment_is_filled_in_once_and_everywhere(tmp_path, text, meant):
    row = {"command": f"c{text}", "args": [text], "env": {"E": text}}
    environment = {"A": "value", "B": "${A}", "EMPTY": ""}
    found = mcp.read(kept(tmp_path, one(**row)), environment).rows["one"]
    assert found == {"command": f"c{meant}", "args": [meant], "env": {"E": meant}}


def test_what_servers_are_told_is_secret_but_for_what_is_short():
    rows = {
        "one": {"command": "x", "env": {"TOKEN": "0123456789", "PORT": "8080"}},
        "two": {"url": "x", "headers": {"Authorization": "Bearer 0123456789"}},
    }
    assert Servers(rows, "").secrets == ("Bearer 0123456789", "0123456789")


@given(st.dictionaries(st.from_regex(r"S_[A-Z]{1,8}", fullmatch=True), TEXTS), st.lists(TEXTS))
def test_a_server_is_started_with_its_words_and_its_environment_to_the_byte(variables, words):
    show = (
        "import os,sys,json;"
        "own={n:v for n,v in os.environb.items() if n.startswith((b'S_',b'KEY'))};"
        "print(json.dumps([sys.argv[1:],{n.decode():v.decode() for n,v in own.items()}]))"
    )
    row = {"command": sys.executable, "args": ["-X", "utf8", "-c", show, *words], "env": variables}
    made = shown({}, Attachments((), Servers({"one": row}, "")), "/p", ["KEY_OF_PROVIDER"])
    told = subprocess.run(
        ["/bin/sh"],
        input=made.files["mcp-one.sh"].encode(),
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "KEY_OF_PROVIDER": "k", "KEY_OTHER": "o"},
        capture_output=True,
        check=True,
    )
    assert json.loads(told.stdout) == [words, variables | {"KEY_OTHER": "o"}]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"url": "https://host/mcp?key=hidden"}, "would be seen by others"),
        ({"url": "https://me:hidden@host/mcp"}, "would be seen by others"),
        ({"url": "https://host/sse", "type": "sse"}, "takes none over sse"),
    ],
)
def test_an_address_that_others_could_see_is_not_put_into_a_command_line(row, why):
    given = Attachments((), Servers({"one": row}, ""))
    with pytest.raises(UsageError, match=why) as refused:
        shown(CODEX, given, "/p", [])
    assert "hidden" not in str(refused.value)
    assert shown({"mcp_argv": ["{mcp_file}"]}, given, "/p", []).argv == ["/p/mcp-one.json"]


def test_headers_go_through_the_environment_of_a_client_that_takes_servers_in_its_arguments():
    rows = {
        "one": {"url": "https://host/1", "headers": {"A": "first", "B": "second"}},
        "two": {"url": "https://host/2", "headers": {"A": "third"}},
    }
    made = shown(CODEX, Attachments((), Servers(rows, "")), "/p", [])
    document = tomllib.loads("\n".join(made.argv[1::2]))["mcp_servers"]
    told = {
        name: {header: made.environment[of] for header, of in row["env_http_headers"].items()}
        for name, row in document.items()
    }
    assert told == {name: row["headers"] for name, row in rows.items()}
    assert not [word for word in made.argv if "first" in word or "third" in word]


@given(
    st.recursive(
        TEXTS | st.booleans(),
        lambda of: st.lists(of) | st.dictionaries(TEXTS, of),
        max_leaves=9,
    )
)
def test_a_value_on_one_line_of_toml_is_read_back_as_it_was(value):
    written = toml.inline(value)
    assert "\n" not in written
    assert tomllib.loads(f"x = {written}") == {"x": value}
