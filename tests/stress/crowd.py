"""Many workers that start the product again and again, while some of their starts are killed."""

import json
import multiprocessing
import os
import random
import signal
import sys
import time

import starts

WHOLE_EVERY = 20  # one start in so many is ./orchestrate.sh itself
FIRST_GUESS_S = 0.3


class Crowd:
    """`processes` workers, forked from this one; each writes down what became of its starts."""

    def __init__(self, place, folder, processes, kills, total, seed):
        """`total` starts are expected of all, so that the kills spread over them."""
        self.place, self.folder, self.seed = place, folder, seed
        self.expected = total
        context = multiprocessing.get_context("fork")
        self.kills_left = context.Value("i", kills)
        self.starts_left = context.Value("i", total)
        self.processes = [
            context.Process(target=self._worker, args=(number,)) for number in range(processes)
        ]
        self._plan = None

    def begin(self, plan):
        """Start the workers; `plan(worker, draw)` yields (marker, words) until it is done."""
        self._plan = plan
        sys.stdout.flush()
        for process in self.processes:
            process.start()

    def alive(self):
        """Tell whether any worker still works."""
        return any(process.is_alive() for process in self.processes)

    def ended(self):
        """Wait for the workers and return what they wrote, as (records, problems)."""
        records, problems = [], []
        for number, process in enumerate(self.processes):
            process.join()
            if process.exitcode:
                problems.append(f"worker {number} ended with {process.exitcode}")
            with open(self._path(number), encoding="utf-8") as file:
                records += [json.loads(line) for line in file]
        return records, problems

    def stop(self):
        """End the workers early."""
        for process in self.processes:
            if process.pid is not None:
                process.kill()
                process.join()

    def _path(self, number):
        return os.path.join(self.folder, f"starts-{number}.jsonl")

    def _worker(self, number):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        parent, draw = os.getppid(), random.Random(f"{self.seed} {number}")
        usual_s = FIRST_GUESS_S
        with open(self._path(number), "w", encoding="utf-8") as file:
            for marker, words in self._plan(number, draw):
                if os.getppid() != parent:
                    return
                kill = self._takes_a_kill(draw)
                start = starts.whole if draw.randrange(WHOLE_EVERY) == 0 else starts.forked
                after_s = draw.uniform(0, usual_s) if kill else None
                ended = start(self.place, words, after_s)
                if kill and ended.code is not None:
                    self._add(self.kills_left, 1)  # it was faster
                if ended.code is not None:
                    usual_s = ended.took_s  # the next one is likely to go the same way
                hung = ended.code is None and not kill
                file.write(json.dumps(_record(marker, ended, hung=hung)) + "\n")

    def _takes_a_kill(self, draw):
        """Draw whether the next start is to die; kills that came too late are drawn again."""
        self._add(self.starts_left, -1)
        with self.kills_left.get_lock():
            chance = 1.2 * self.kills_left.value / max(1, self.starts_left.value)
            if self.kills_left.value > 0 and draw.random() < chance:
                self.kills_left.value -= 1
                return True
        return False

    @staticmethod
    def _add(counter, amount):
        with counter.get_lock():
            counter.value += amount


def stirred(crowd, simulator, providers, *, outputs=(200, 4000), latencies_ms=(20, 400)):
    """Change how much the answers cost and how long they take, until the crowd is done."""
    draw = random.Random(crowd.seed)
    while crowd.alive():
        for provider in providers:
            simulator.play(
                provider,
                output_tokens=draw.randint(*outputs),
                latency_ms=draw.randint(*latencies_ms),
            )
        time.sleep(0.05)


def _record(marker, ended, *, hung):
    line = ended.line or {}
    attempts = line.get("execution_metrics", {}).get("attempts") or []
    return {
        "marker": marker,
        "code": ended.code,
        "killed": ended.code is None,
        "hung": hung,
        "task_id": line.get("task_id"),
        "attempts": [a["attempt_id"] for a in attempts if a["error_class"] != "NO_ROOM"],
        "took_s": round(ended.took_s, 3),
        "err": ended.err[-400:] if ended.code not in (0, 3) else "",
    }
