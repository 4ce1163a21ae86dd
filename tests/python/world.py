"""A small made-up world to decide in: three providers, a few words, empty books, all ready.

Tests of rules use it, so that a change of the shipped data changes none of them.
"""

from orchestrator.decide import agents, classifier, recommender
from orchestrator.records import Config, Limit, Model, Provider, Snapshot, Transport, Wishes

NOW_MS = 1_795_212_000_000  # 2026-11-20T22:00:00Z
DAY = "2026-11-20"
MICRO = 1_000_000
NAMES = ("codex", "gemini", "claude")

KEYWORDS = {
    "schema": 1,
    "points": {"strong": 15, "topic": 3, "weak": -10},
    "score_offset": 69,
    "length_rules": [],
    "strong": {
        "codex": [
            {"word": "implement", "task_type": "code_generation"},
            {"word": "fix", "task_type": "debugging", "also": ["bug", "clean up"]},
            {"word": "refactor", "task_type": "refactoring"},
            {"word": "test", "task_type": "testing", "points": 10},
        ],
        "gemini": [
            {"word": "explain", "task_type": "explanation"},
            {"word": "analyze", "task_type": "analysis", "also": ["analysis"]},
        ],
        "claude": [
            {"word": "design", "task_type": "design"},
            {"word": "strategy", "task_type": "strategy", "also": ["test strategy"]},
        ],
    },
    "weak": {"codex": ["reasoning"], "gemini": ["syntax"], "claude": ["quick", "simple"]},
    "default_task_type": {"codex": "code_generation", "gemini": "analysis", "claude": "reasoning"},
    "grammar": {
        "negations": ["not", "don't", "never", "without", "rather than"],
        "openers": ["please", "can", "you", "we", "i", "need", "to", "and"],
        "light_verbs": ["write", "make", "do"],
        "articles": ["a", "an", "the", "this"],
        "joiners": ["and", "then"],
    },
    "complexity": [
        {"points": 3.0, "words": ["architecture", "refactor"]},
        {"points": 1.5, "words": ["implement"]},
        {"points": 0.5, "words": ["fix"]},
    ],
}


def agent_row(providers, task_types, keywords=(), access="read", **changes):
    return {
        "category": "made-up",
        "specialization": f"made-up {task_types[0]}",
        "providers": list(providers),
        "task_types": list(task_types),
        "keywords": list(keywords),
        "access": access,
        "max_parallel": 1,
        **changes,
    }


AGENTS = {
    "schema": 1,
    "weights": {"provider": 20, "task_type": 20, "keyword": 10, "max_keywords": 2},
    "agents": {
        "coder": agent_row(["codex", "claude"], ["code_generation", "debugging"], access="edit"),
        "debugger": agent_row(["codex"], ["debugging"], ["crash"], "edit"),
        "explainer": agent_row(["gemini"], ["explanation"]),
        "designer": agent_row(["claude"], ["design"], aliases=["claude-designer"]),
    },
}

SETTINGS = {
    "zone": "UTC",
    "tie_margin": 0,
    "strategy": "specialist",
    "cheapest": {"next": 2, "reliable": 1, "last_client": "claude"},
    "model_aliases": {},
    "image_tokens": 10_000,
    "provider_order": list(NAMES),
    "tiers": [
        {"name": "cheap", "below": 3},
        {"name": "medium", "below": 6},
        {"name": "powerful", "below": 11},
    ],
    "classify_bytes": 32_768,
    "attempts": {"per_route": 3, "total": 8},
    "backoff": {"base_s": 1, "cap_s": 30, "retry_after_cap_s": 120},
    "breaker": {"failures": 3, "probe_s": 300, "wall_probe_s": 3600},
    "env_allow": ["HOME", "PATH", "LANG"],
    "timeout_s": 20,
    "verify_timeout_s": 20,
    "fsync": False,
}


def limit(metric="requests", window_s=60, period=None, amount=100, block=80.0, scope="provider"):
    window = None if period else window_s
    return Limit(metric, window, period, amount, block, scope)


def daily(usd, block=100.0):
    return limit("cost_usd", period="day", amount=round(usd * MICRO), block=block)


def model(name, tier="medium", context_window=100_000, max_output_tokens=1000, able=(), **more):
    return Model(name, tier, context_window, max_output_tokens, frozenset(able), **more)


def way(account, kind="cli", billing="metered", access="edit", **changes):
    """Make one way to reach a provider; an API sees no files unless told otherwise."""
    made = Transport(
        kind=kind,
        account=account,
        billing=billing,
        repo_access=access,
        client=account if kind == "cli" else None,
        dialect="openai_chat" if kind == "api" else None,
        base_url="http://127.0.0.1:1",
        base_url_env=None,
        key_env=(f"{account.upper()}_KEY",),
        overhead_tokens=100,
        first_byte_s=60.0,
        idle_s=60.0,
    )
    return made._replace(**changes)


def provider(name, *ways, limits=(), models=(), per_request=0.0):
    return Provider(
        name=name,
        title=name.title(),
        optional=False,
        specializations=(),
        cost_tier="budget",
        cost_per_request_usd=per_request,
        limits=tuple(limits),
        models=tuple(models) or (model(f"{name}-medium"),),
        transports=ways or (way(name),),
    )


def price(input_usd=1.0, output_usd=2.0, **more):
    return {"input_usd_per_mtok": input_usd, "output_usd_per_mtok": output_usd, **more}


def config(*providers, prices=None, clients=None, **settings):
    """Make a configuration; models without a price of their own cost the same."""
    known = {p.name: p for p in providers or [provider(name) for name in NAMES]}
    names = [m.name for p in known.values() for m in p.models]
    return Config(
        folder="nowhere",
        settings=SETTINGS | settings,
        providers=known,
        clients=clients or {},
        keywords=KEYWORDS,
        agents=AGENTS,
        prices=dict.fromkeys(names, price()) if prices is None else prices,
        price_version="made-up 1",
    )


def empty_usage():
    return {"windows": {}, "reservations": {}, "observations": {}}


def full_usage(row, key=None, at_ms=NOW_MS, amount=None):
    """Make the books of a provider that has used a row up."""
    from orchestrator.decide import windows

    slot = windows.slot_of(row, at_ms, "UTC")
    return empty_usage() | {"windows": {key or row.name: {slot: amount or row.limit}}}


def snapshot(known, usages=None, unready=None, busy=None, totals=(), breakers=None):
    """Look at a world where nothing is used and everything is ready, but for what is given."""
    return Snapshot(
        usages={name: (usages or {}).get(name) or empty_usage() for name in known.providers},
        unready={
            name: (unready or {}).get(name) or (None,) * len(p.transports)
            for name, p in known.providers.items()
        },
        busy=busy or {},
        history={},
        breakers=breakers or {},
        totals=totals,
    )


def decide(
    task, known=None, usages=None, unready=None, busy=None, totals=(), breakers=None, **wishes
):
    """Decide a task in this world; wishes are those of the command line."""
    known = known or config()
    return recommender.recommend(
        task,
        Wishes(**wishes),
        known,
        classifier.vocabulary(known.keywords),
        agents.catalog(known.agents),
        snapshot(known, usages, unready, busy, totals, breakers),
        NOW_MS,
    )
