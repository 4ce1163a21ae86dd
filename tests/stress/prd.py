"""Stories that build on each other, killed and resumed: each once, in the order of their needs.

Arguments: STORIES KILLS.
"""

import json
import math
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

import batch
import verdict
from siege import Siege
from support import Simulator

LATENCY_MS = 300
PARALLEL = 5
TEN = ((), (0,), (1,), (2,), (), (4,), (4,), (5, 6), (3, 7), ())  # whom each of ten waits for
STORY = re.compile(r"^# (US-\d+) ", re.MULTILINE)


def main(stories, kills):
    """Run one trial and print a line for each kill and a summary; 1 when something was violated."""
    folder = Path(tempfile.mkdtemp(prefix="prd-"))
    simulator, place = Simulator(), None
    try:
        place = batch.roomy(folder, simulator, (LATENCY_MS, LATENCY_MS))
        needs = {name_of(n): [name_of(each) for each in needs_of(n)] for n in range(stories)}
        document = {"project": "A shop", "userStories": [story(*each) for each in needs.items()]}
        path = place.folder / "prd.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        siege = Siege(place, "run_prd.sh", stories, kills)
        words = ("--yes", "--transport", "api", "--repo", place.repo, "--parallel", str(PARALLEL))
        code = siege.run(*words, path)
        spare = PARALLEL * kills
        found = verdict.Verdict(place, simulator, stories, spare)
        problems = [*batch.ended(code), *siege.problems, *found.problems]
        problems += misplaced(simulator.requests(), needs)
        keys = Counter(row["id"] for row in found.results)
        if keys != Counter(needs.keys()):
            problems.append(f"the results are of {dict(keys)}")
    finally:
        if place is not None:
            place.clear()
        simulator.end()
    batch.told(f"prd: {stories} stories at {PARALLEL}", siege, found, spare, problems)
    print("  ", end="")
    return batch.verdict_of(problems, folder)


def name_of(number):
    return f"US-{number + 1:03}"


def needs_of(number):
    """List the stories that one waits for: the tens are alike, and know nothing of each other."""
    return [number // len(TEN) * len(TEN) + each for each in TEN[number % len(TEN)]]


def story(name, needs):
    return {
        "id": name,
        "title": f"Part {name} of the shop",
        "description": "As a customer I want to see what is in my basket.",
        "acceptanceCriteria": ["The basket is shown", "An empty basket says so"],
        "dependencies": needs,
        "priority": 1,
    }


def misplaced(requests, needs):
    """List requests of a story that arrived before what it waits for was answered."""
    arrived = {name: [] for name in needs}
    for request in requests:
        arrived[STORY.search(request["prompt"])[1]].append(request["monotonic"])
    return [
        f"{name} was asked for before {need} was answered"
        for name, waits in needs.items()
        for need in waits
        if arrived[name]
        and min(arrived[name]) < max(arrived[need], default=math.inf) + LATENCY_MS / 1000
    ]


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
