"""The commands: one file each, found by name, imported only when called."""

from __future__ import annotations

import gc
import os
import sys

COMMANDS = {
    "start": "what orchestrate.sh does, for where there is no such file: [options] REPO TASK",
    "decide": "what orchestrate.sh asks first: show a decision, and say whether to ask or run",
    "decline": "record that a person said no",
    "run": "run a decided task",
    "classify": "print which provider a text suits, as JSON",
    "filter": "print how full each provider is, as JSON",
    "recommend": "print the whole decision for a text, as JSON; records nothing",
    "agent": "print the agent for a text, as JSON",
    "select": "the cheapest model for a complexity: select, list, fallback-chain",
    "suggest": "suggest a Claude model, as suggest_model.sh does: [--json] REPO TASK",
    "check-config": "name every problem in the configuration",
    "repair-state": "hold the usage files against the log, and mend what is unsound",
    "deferred": "list the tasks that wait for room; scripts/run_deferred.sh runs them",
    "batch": "plan a queue of tasks and run it; scripts/batch_runner.sh",
    "prd": "plan the stories of a PRD and run them; scripts/run_prd.sh",
    "swarm": "take a task apart and run the parts; scripts/swarm.sh",
    "work": "one worker of a batch; xargs starts them",
    "doctor": "tell what works, what does not, and what to do",
    "poll": "renew the usage figures of the providers, or note what a person knows",
    "gateway": "run the LiteLLM proxy, or list its models: scripts/litellm_proxy.sh",
    "report": "print what was spent, on what, and what was saved; scripts/report.sh",
    "cost-report": "the same by the words of lib/cost_report.py",
    "summary": "print what the tasks in the log cost",
    "simulate": "serve a simulated upstream on loopback",
}


# They end before there is garbage worth collecting; looking for it costs a millisecond and more.
BRIEF = ("decide", "decline", "classify", "filter", "recommend", "agent", "suggest")


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code; every error becomes one line on stderr."""
    from orchestrator import errors
    from orchestrator.commands import screen

    code = 0
    try:
        code = _dispatch(arguments)
    except errors.ConfigError as error:
        code = error.exit_code
        secrets = _secrets()
        for problem in error.problems:
            screen.error(_redacted(problem, secrets))
    except errors.OrchestratorError as error:
        code = _told(error, error.exit_code)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        code = 0  # the reader has what it wanted: `| head -1`
    except OSError as error:
        code = _told(error, errors.StorageError.exit_code)
    except Exception as error:  # noqa: BLE001 a person gets one line, never a traceback
        code = _told(error, 1, "this is a bug; ORCHESTRATE_DEBUG=1 shows where")
    return code


def _dispatch(arguments: list[str]) -> int:
    """Find the command by its name and run it."""
    from orchestrator.commands import screen
    from orchestrator.errors import UsageError

    if arguments in (["--help"], ["-h"], ["help"]):
        listed = "\n".join(f"  {name:<13} {text}" for name, text in COMMANDS.items())
        screen.out(f"commands:\n{listed}")
        return 0
    if not arguments or arguments[0] not in COMMANDS:
        raise UsageError(f"name a command: {', '.join(COMMANDS)}")
    if arguments[0] not in BRIEF:
        gc.enable()
    name = f"orchestrator.commands.{arguments[0].replace('-', '_')}"
    return int(__import__(name, fromlist=["main"]).main(arguments[1:]))


def _told(error: BaseException, code: int, advice: str = "") -> int:
    from orchestrator.commands import screen

    secrets = _secrets()
    name = "" if advice == "" else f"{type(error).__name__}: "
    text = " ".join(_redacted(f"{name}{error}", secrets).split())
    screen.error(f"{text}; {advice}" if advice else text)
    if os.environ.get("ORCHESTRATE_DEBUG", "0") != "0":
        import traceback  # only for whoever looks for a bug

        screen.talk(_redacted("".join(traceback.format_exception(error)), secrets))
    return code


def _secrets() -> tuple[str, ...]:
    """List the keys an error may tell of: those of the process, and those of `.env`."""
    from orchestrator.config import environment
    from orchestrator.state.redaction import secrets_of

    given, _ = environment.surroundings(os.environ)
    return secrets_of(given)


def _redacted(text: str, secrets: tuple[str, ...]) -> str:
    from orchestrator.state.redaction import redact

    return redact(text, secrets)


def console(arguments: list[str] | None = None) -> None:
    """Run the command named on the command line and end the process with its exit code."""
    gc.disable()
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # or a log would get the number, and the talk
    code = main(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            # Nobody reads any more; point it away so that the interpreter ends quietly.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)


def installed() -> None:
    """Run `orchestrate [options] REPO TASK`, or one of the commands by its name."""
    words = sys.argv[1:]
    console(words if words and (words[0] in COMMANDS or words == ["--help"]) else ["start", *words])
