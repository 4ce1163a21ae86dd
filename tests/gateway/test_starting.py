"""scripts/litellm_proxy.sh: what it says, what the proxy gets to see, and that it ends with it."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest
from proxies import KEY, SCRIPT, free_port
from support import ROOT, Run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_proxy_ends_with_the_script_and_its_port_is_free_again(own_proxy, number):
    proxy = own_proxy("--mock")
    assert proxy.end(number) == []
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", proxy.port))


def test_without_a_master_key_it_makes_one_that_its_owner_alone_can_read(own_proxy, place):
    proxy = own_proxy("--mock", key=None)
    path = proxy.place.state / ".state" / f"gateway-{proxy.port}.key"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    key = path.read_text(encoding="ascii").strip()
    assert key not in proxy.told
    assert f"export LITELLM_API_KEY=\"$(cat '{path}')\" LITELLM_BASE_URL={proxy.url}" in proxy.told
    place.environment |= {"LITELLM_BASE_URL": proxy.url, "LITELLM_API_KEY": key}
    done = place.script("litellm_proxy.sh", "--models")
    assert (done.code, "3 models" in done.out) == (0, True), done
    run = place.run("--yes", "--json", "--provider", "litellm", str(place.repo), "Explain it")
    assert run.code == 0, run


def test_it_listens_on_this_machine_alone_and_asks_for_the_key(proxy):
    listening = [
        row.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for row in Path(table).read_text(encoding="ascii").splitlines()[1:]
        if row.split()[3] == "0A" and row.split()[1].endswith(f":{proxy.port:04X}")
    ]
    assert listening == [f"0100007F:{proxy.port:04X}"]
    for key in (None, "sk-another"):
        status, body = proxy.get("/model/info", key)
        assert (status >= 400, b"model_name" in body) == (True, False)


def test_it_gets_the_variables_its_configuration_names_and_no_others(own_proxy):
    names = {"A_KEY_OF_TESTS": "sk-named", "DATABASE_URL": "postgres://x", "OTHER_KEY": "sk-other"}
    proxy = own_proxy(environment={**names, "PYTHONPATH": "/nowhere"})
    entries = Path(f"/proc/{proxy.process.pid}/environ").read_bytes().split(b"\0")
    seen = dict(entry.decode().split("=", 1) for entry in entries if entry)
    assert (seen["A_KEY_OF_TESTS"], seen["LITELLM_MASTER_KEY"]) == ("sk-named", KEY)
    assert not {"DATABASE_URL", "OTHER_KEY", "PYTHONPATH", "OPENAI_API_KEY"} & seen.keys()
    assert seen["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"


def test_a_port_that_is_taken_is_named(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = place.script("litellm_proxy.sh", "--mock", "--port", str(port))
    assert done.code == 2, done
    assert done.err == f"orchestrate: port {port} is taken; give another with --port\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--config", "/nowhere/a.yaml"), "--config /nowhere/a.yaml: No such file or directory"),
        (("--config", "/dev"), "--config /dev: Is a directory"),
        (("--mock", "--config", "a.yaml"), "--mock has a configuration of its own"),
        (("--models", "--mock"), "--models stands alone"),
        (("--port", "0"), "0 is not in the range"),
        (("--port", "x"), "'x' is not a valid integer"),
        (("--host", "0.0.0.0"), "No such option '--host'"),  # noqa: S104 it is refused
        (("extra",), "unexpected extra argument"),
    ],
)
def test_a_start_that_can_not_be_is_one_line_and_exit_code_2(place, words, told):
    done = place.script("litellm_proxy.sh", *words)
    assert done.code == 2, done
    assert told in done.err
    assert done.err.count("\n") == 1


def test_without_the_proxy_installed_it_says_how_to_get_it(place, tmp_path):
    root = tmp_path / "a checkout"
    for name in ("lib", "scripts", "config"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [root / "scripts" / SCRIPT.name, "--port", str(free_port())],
        env=place.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert Run(done.returncode, done.stdout, done.stderr).code == 4
    assert done.stderr == "orchestrate: the LiteLLM proxy is not installed; run 'make gateway'\n"


def test_the_doctor_says_that_nobody_listens_and_what_to_do(place):
    port = free_port()
    place.environment |= {"LITELLM_BASE_URL": f"http://127.0.0.1:{port}", "LITELLM_API_KEY": KEY}
    place.environment |= {"OLLAMA_BASE_URL": f"http://localhost:{port}/v1"}
    done = place.script("doctor.sh")
    told = " ".join(done.out.split())
    assert f"litellm: nobody listens at http://127.0.0.1:{port}" in told
    assert "make gateway" in told
    assert f"ollama: nobody listens at http://localhost:{port}/v1" in told
    assert "ollama serve" in told
    assert "A task can start now: Codex, Gemini, Claude" in told


def test_the_doctor_says_where_its_models_come_from(place, simulator):
    place.environment |= {"LITELLM_BASE_URL": simulator.url, "LITELLM_API_KEY": KEY}
    told = " ".join(place.script("doctor.sh").out.split())
    assert "litellm: none of its models is listed" in told
    assert "scripts/litellm_proxy.sh --models" in told


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://proxy.invalid:4000", "is not https: the key would travel in the open"),
        ("http://127.0.0.1.proxy.invalid", "is not https: the key would travel in the open"),
        ("http://x:y@127.0.0.1:4000", "holds credentials"),
    ],
)
def test_no_task_takes_the_key_over_an_open_road(place, url, why):
    place.environment |= {"LITELLM_BASE_URL": url, "LITELLM_API_KEY": KEY}
    done = place.run("--yes", "--provider", "litellm", str(place.repo), "Fix the bug")
    assert done.code == 4, done
    assert "provider 'litellm' is off; scripts/doctor.sh says why" in done.err
    assert why in " ".join(place.script("doctor.sh").out.split())


def test_without_a_key_it_is_off_and_in_nobody_s_way(place):
    told = " ".join(place.script("doctor.sh").out.split())
    assert "LiteLLM: off (LITELLM_API_KEY or LITELLM_MASTER_KEY is not set)" in told
    assert "Ollama: off (OLLAMA_BASE_URL is not set)" in told
    run = place.run("-n", "--json", str(place.repo), "Fix the bug")
    assert "litellm" not in run.line["provider_state_at_recommendation"]


def test_the_selector_says_that_it_has_no_models_yet_and_that_a_local_one_is_free(place, simulator):
    place.environment |= {"LITELLM_BASE_URL": simulator.url, "LITELLM_API_KEY": KEY}
    place.environment |= {"OLLAMA_BASE_URL": f"{simulator.url}/v1"}
    done = place.helper("select", "fallback-chain", "--provider", "litellm")
    assert done.code == 2, done
    assert "litellm: none of its models is listed; start it with make gateway" in done.err
    rows = {row["key"]: row for row in json.loads(place.helper("select", "list", "--json").out)}
    assert rows["ollama/llama3.2"]["input_usd_per_mtok"] == 0
    assert not [key for key in rows if key.startswith("litellm/")]
