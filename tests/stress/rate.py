"""Many processes against one rate limit, some killed at random: the upstream never sees more.

Arguments: SECONDS LIMIT WINDOW_S KILLS.
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import compare
import crowd
import overspend
import starts
from support import Place, Simulator

from orchestrator import clock

PROVIDER = "codex"
PROCESSES = 8
SLOTS = 60  # of a window; who finds no room asks again about once a slot
AIM = 0.95


def main(seconds, limit, window_s, kills):
    """Saturate the limit for so long and print one line; 1 when it was passed once."""
    folder, simulator = Path(tempfile.mkdtemp(prefix="rate-")), Simulator()
    place = limited(folder, simulator.url, limit, window_s)
    ends = time.monotonic() + seconds
    expected = round(limit * (1 + seconds / window_s))
    crew = crowd.Crowd(place, folder, PROCESSES, kills, expected, seconds)
    try:
        crew.begin(lambda worker, draw: again(place, worker, draw, ends, window_s))
        crowd.stirred(crew, simulator, (PROVIDER,), latencies_ms=(0, 40))
        records, problems = crew.ended()
        problems += overspend.recovered(place)
        account = compare.Account(place, simulator, records)
        seen = simulator.books(PROVIDER)["max_requests_in_60s"]
    finally:
        crew.stop()
        simulator.end()
    problems += account.problems
    most = busiest([request["monotonic"] for request in account.requests], window_s)
    if window_s == 60 and seen != most:
        problems.append(f"the simulator counted {seen} in 60 s")
    if most > limit:
        problems.append(f"{most} requests in {window_s} s")
    print(
        f"rate: {len(records)} starts in {seconds} s, {account.killed} killed, "
        f"{len(account.requests)} calls; at most {most} of {limit} in any {window_s} s; "
        f"{used(account, limit, window_s):.1%} of the line used (aim >= {AIM:.0%}); "
        f"{'VIOLATED' if problems else 'ok'}"
    )
    for problem in problems[:20]:
        print(f"  {problem}")
    if problems:
        (folder / "requests.json").write_text(json.dumps(account.requests), encoding="utf-8")
        print(f"evidence in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def limited(folder, url, limit, window_s):
    """Make a place with one rate row, all of which may be used."""
    place = Place(folder, url)
    row = {"metric": "requests", "window_s": window_s, "limit": limit, "block_at_percent": 100}
    place.provider(PROVIDER, limits=[row])
    place.lay({"budgets": {"limits_usd": {"day": 1000, "month": 1000}}})
    place.settings(attempts={"per_route": 1, "total": 1})
    return place


def again(place, worker, draw, ends, window_s):
    """Yield starts until the time is over, each after a moment's rest."""
    number = 0
    while time.monotonic() < ends:
        marker = f"{worker}-{number}"
        yield marker, starts.words_of(place, PROVIDER, marker)
        number += 1
        time.sleep(draw.uniform(0, window_s / SLOTS))


def busiest(moments, window_s):
    """Count the requests of the busiest window, whenever it begins."""
    moments, most, first = sorted(moments), 0, 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def used(account, limit, window_s):
    """Tell which share of the line was used: a place in it is free again after one window.

    Calls whose owner died before they were sent took their place, too.
    """
    sent = {compare.marker_of(request["prompt"]) for request in account.requests}
    moments = [request["at"] for request in account.requests]
    named = {line["task_id"]: line["task_description"] for line in account.decisions}
    moments += [
        clock.parse(line["timestamp"]) / 1000
        for line in account.usage
        if compare.marker_of(named[line["task_id"]]) not in sent
    ]
    moments.sort()
    gaps = [later - sooner for sooner, later in zip(moments, moments[limit:], strict=False)]
    return window_s / (sum(gaps) / len(gaps)) if gaps else 0.0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
