"""Many processes against one day budget, some killed at random: the upstream never charges more.

Arguments: PROCESSES RUNS TRIALS. Trials take turns: one provider with a budget of its own, then all
three under one total.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import compare
import crowd
import starts
from support import PROVIDERS, Place, Simulator

FULL_STARTS = 64 * 20
FULL_BUDGET_USD = 5.0
FULL_KILLS = 200
MOST_OUTPUT = 3000  # tokens: a turn holds three cents and takes half of them
DEAREST = 10  # USD for a million tokens written
ALONE, TOGETHER = ("codex",), PROVIDERS


def main(processes, runs, trials):
    """Run the trials and print a line for each; returns how many had a violation."""
    folder = Path(tempfile.mkdtemp(prefix="overspend-"))
    simulator, failed = Simulator(), 0
    try:
        for number in range(1, trials + 1):
            failed += not trial(simulator, folder / f"trial-{number}", processes, runs, number)
    finally:
        simulator.end()
    print(f"overspend: {trials} trials, {failed} with violations", end="")
    if failed:
        print(f"; evidence in {folder}")
        return 1
    print()
    shutil.rmtree(folder)
    return 0


def trial(simulator, folder, processes, runs, number):
    """Run one trial; True when nothing was violated."""
    simulator.clear()
    total, providers = processes * runs, (ALONE, TOGETHER)[(number + 1) % 2]
    scale = total / FULL_STARTS
    budget_usd = round(FULL_BUDGET_USD * scale, 4)
    place = budgeted(folder, simulator.url, providers, budget_usd)
    models = {name: model_of(place, name) for name in providers}
    began, first_day = time.monotonic(), time.gmtime().tm_yday
    crew = crowd.Crowd(place, folder, processes, round(FULL_KILLS * scale), total, number)

    def plan(worker, draw):
        for run in range(runs):
            marker, name = f"{worker}-{run}", draw.choice(providers)
            yield marker, starts.words_of(place, name, marker, "--model", models[name])

    try:
        crew.begin(plan)
        crowd.stirred(crew, simulator, providers, outputs=(200, MOST_OUTPUT))
        records, problems = crew.ended()
    finally:
        crew.stop()
    problems += recovered(place)
    account = compare.Account(place, simulator, records)
    problems += account.problems
    days = 1 + (time.gmtime().tm_yday != first_day)
    bill_usd, ours_usd = (
        float(m) / compare.MICRO for m in (account.bill_micro_usd, account.our_micro_usd)
    )
    if bill_usd > budget_usd * days:
        problems.append(f"the simulator charged ${bill_usd:.6f} of ${budget_usd}")
    print(
        f"trial {number}: {' '.join(providers)}: {len(records)} starts, {account.killed} killed, "
        f"{len(account.requests)} calls; of ${budget_usd:.2f} the simulator charged "
        f"${bill_usd:.4f}, we booked ${ours_usd:.4f}; {time.monotonic() - began:.0f} s; "
        f"{'VIOLATED' if problems else 'ok'}",
        flush=True,
    )
    for problem in problems[:20]:
        print(f"  {problem}", flush=True)
    if problems:
        (folder / "requests.json").write_text(json.dumps(account.requests), encoding="utf-8")
    else:
        shutil.rmtree(folder)
    return not problems


def budgeted(folder, url, providers, budget_usd):
    """Make a place with one day budget: a row of one provider, or the total of all."""
    place = Place(folder, url)
    row = {"metric": "cost_usd", "period": "day", "limit": 1000, "block_at_percent": 100}
    alone = len(providers) == 1
    for name in providers:
        place.models(name, max_output_tokens=MOST_OUTPUT)
        place.provider(name, limits=[{**row, "limit": budget_usd} if alone else row])
    total = 1000 if alone else budget_usd
    place.lay({"budgets": {"limits_usd": {"day": total, "month": 1000}}})
    place.settings(attempts={"per_route": 1, "total": 1})
    return place


def model_of(place, provider):
    """Choose the dearest model below ten dollars that costs tomorrow what it costs today."""
    prices = {name: compare.PRICES[name] for name in place.model_names(provider)}
    costs = {n: p["output_usd_per_mtok"] for n, p in prices.items() if "later" not in p}
    return max((name for name, cost in costs.items() if cost <= DEAREST), key=costs.get)


def recovered(place):
    """Make a start that recovers what the dead left and calls nobody; hold state against log."""
    words = [word for word in starts.words_of(place, "codex", "0-0") if word != "--yes"]
    ended = starts.whole(place, words)
    problems = [] if ended.code in (2, 3) else [f"recovery ended with {ended.code}: {ended.err}"]
    mended = subprocess.run(
        [starts.ROOT / "scripts" / "repair_state.sh"],
        env=place.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if mended.returncode:
        problems.append(f"state and log differ: {mended.stdout} {mended.stderr}")
    left = place.quiet()
    if left:
        problems.append(f"still running: {left[:5]}")
    return problems


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
