"""A queue of hostile texts, killed at random moments and resumed: each is answered exactly once.

Arguments: TASKS PARALLEL KILLS.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import hostile
import verdict
from siege import Siege
from support import PROVIDERS, Place, Simulator

LATENCIES_MS = (10, 20)
KEPT = 10_000  # requests whose texts the simulator keeps at most
TOLD = 20  # problems


def main(tasks, parallel, kills):
    """Run one trial and print a line for each kill and a summary; 1 when something was violated."""
    folder = Path(tempfile.mkdtemp(prefix="batch-"))
    simulator, place = Simulator(), None
    try:
        place = roomy(folder, simulator, LATENCIES_MS)
        texts = hostile.texts(tasks, folder)
        queue = place.folder / "queue.json"
        queue.write_text(json.dumps(texts, ensure_ascii=False), encoding="utf-8")
        siege = Siege(place, "batch_runner.sh", tasks, kills)
        words = ("--yes", "--transport", "api", "--repo", place.repo, "--parallel", str(parallel))
        code = siege.run(*words, queue)
        spare = parallel * kills
        found = verdict.Verdict(place, simulator, tasks, spare)
        unlike, alike = verdict.unlike(simulator.requests(), texts)
        lost = max(0, found.requests - KEPT)
        if alike < tasks - lost:
            unlike.append(f"{tasks - alike} texts were in no request as they were given")
        problems = [*ended(code), *siege.problems, *found.problems, *unlike]
    finally:
        if place is not None:
            place.clear()
        simulator.end()
    told(f"batch: {tasks} tasks at {parallel}", siege, found, spare, problems)
    print(f"  {alike} texts found again in requests, byte for byte; ", end="")
    return verdict_of(problems, folder)


def roomy(folder, simulator, latencies_ms):
    """Make a place without limits, at an upstream that takes a while."""
    place = Place(folder, simulator.url)
    place.make_repository()
    place.unlimited()
    place.lay({"budgets": {"limits_usd": {"day": 10**6, "month": 10**6}}})
    for number, name in enumerate(PROVIDERS):
        share = number / (len(PROVIDERS) - 1)
        least, most = latencies_ms
        simulator.play(name, latency_ms=round(least + share * (most - least)))
    return place


def ended(code):
    """Say what is wrong with an exit code."""
    return [] if code == 0 else [f"it ended with {code}"]


def told(head, siege, found, spare, problems):
    """Print the figures of a trial."""
    done = len(found.results)
    print(
        f"{head}, {siege.hit} kills: {done} results in {siege.seconds:.0f} s, "
        f"{done / siege.seconds:.1f}/s; {found.requests} requests, {found.requests - siege.total} "
        f"beyond one each (at most {spare}); at most {siege.peaks['coordinator']:.0f} MB in the "
        f"coordinator, {siege.peaks['worker']:.0f} MB in a worker"
    )
    for problem in problems[:TOLD]:
        print(f"  {problem}")


def verdict_of(problems, folder):
    """Say how it ended, and where the evidence is; returns the exit code."""
    if problems:
        print(f"VIOLATED; evidence in {folder}")
        return 1
    print("ok")
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
