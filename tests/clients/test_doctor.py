"""The doctor asks the real clients for their version, and leaves nothing in the person's home."""

import json
import subprocess

from support import PROVIDERS, ROOT, Watch
from test_logins import log_in


def test_the_real_clients_tell_their_version_without_a_key_and_leave_the_home_as_it_was(
    place, simulator
):
    log_in(place, "codex", simulator.url)
    before = {path.relative_to(place.home) for path in place.home.rglob("*")}
    with Watch(place) as seen:
        done = subprocess.run(
            [ROOT / "scripts" / "doctor.sh", "--json"],
            env=place.environment,
            capture_output=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
    report = json.loads(done.stdout)
    assert done.returncode == 0, report["problems"]
    for name in PROVIDERS:
        program = report["programs"][name]
        assert program["problem"] is None
        assert program["version"][0].isdigit()
        assert program["path"].endswith(f"/{name}")
    assert report["providers"]["codex"]["transports"][0]["login"]
    assert not report["providers"]["claude"]["transports"][0]["login"]
    assert {path.relative_to(place.home) for path in place.home.rglob("*")} == before
    assert simulator.requests() == []
    asked = [environment for line, environment in seen.environments.items() if b"--version" in line]
    assert asked
    assert not [entry for environment in asked for entry in environment if b"_API_KEY=" in entry]
