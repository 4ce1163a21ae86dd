"""The values passed between the rooms of the house: shapes only, no logic.

Money is integer micro-USD where it is counted and `*_usd` floats where it is shown; moments are
epoch milliseconds; byte and token counts are integers.
"""

# No `from __future__ import annotations`: a NamedTuple compiles every annotation that is a text,
# and these classes are made at every start.

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Json = dict[str, Any]
MICRO = 1_000_000  # micro-USD in a USD
LONGEST_WAIT_S = 366 * 86_400.0  # what is told to be further away is a mistake

# Failure classes of one attempt.
RATE_LIMIT = "RATE_LIMIT"
QUOTA = "QUOTA"
AUTH = "AUTH"
TIMEOUT = "TIMEOUT"
STALLED = "STALLED"
NETWORK = "NETWORK"
SERVER = "SERVER"
INVALID_INPUT = "INVALID_INPUT"
CONTEXT_LENGTH = "CONTEXT_LENGTH"
EMPTY = "EMPTY"
NOT_INSTALLED = "NOT_INSTALLED"
BUDGET = "BUDGET"
MAX_COST = "MAX_COST"
VERIFY_FAILED = "VERIFY_FAILED"
CONFLICT = "CONFLICT"  # git could not do what a tree needs
NO_ROOM = "NO_ROOM"
INTERRUPTED = "INTERRUPTED"
OUTAGE = "OUTAGE"
OVERLOADED = "OVERLOADED"  # this machine has no process, thread, descriptor or memory left

# What ends a wall: a moment that was told, a window of known length, or somebody who pays.
CLOCK = "clock"
WINDOW = "window"
PERSON = "person"

# What a person gets of a task.
VERIFIED = "verified"
DELIVERED = "delivered"
UNVERIFIED = "unverified"
FAILED = "failed"
STOPPED = "interrupted"

ACCESS_LEVELS = ("none", "read", "edit")
PARALLEL = "parallel"  # the metric of calls that run at one time


class Limit(NamedTuple):
    """One row of a provider's limits; one of `window_s` and `period` is set, of `parallel` none."""

    metric: str  # requests | tokens | cost_usd | percent | parallel
    window_s: int | None
    period: str | None  # day | month
    limit: int  # requests, tokens, micro-USD, 100, or calls at one time
    block_at_percent: float
    scope: str  # provider | account | model | total

    @property
    def name(self) -> str:
        """Name the row as usage files do: `tokens/60s`, `cost_usd/day`, `parallel`."""
        if self.metric == PARALLEL:
            return PARALLEL
        return f"{self.metric}/{self.period or f'{self.window_s}s'}"


class Threshold(NamedTuple):
    """What is done once so much of a budget is used (seed 001, strategy 3; seed 002, 8.3)."""

    percent: float
    action: str  # log_warning | downgrade_tier | cheapest_only | pause_execution
    advice: str


class Budget(NamedTuple):
    """Money over all providers in a day or a month."""

    row: Limit
    thresholds: tuple[Threshold, ...]  # by percent, lowest first


class Total(NamedTuple):
    """How much of a budget is used, in micro-USD: spent, and held for calls that run."""

    budget: Budget
    spent: int
    reserved: int


class Price(NamedTuple):
    """What a model costs, in USD per million tokens; `above` lists dearer rows by input size."""

    input_usd_per_mtok: float
    output_usd_per_mtok: float
    cache_read_usd_per_mtok: float
    cache_write_usd_per_mtok: float
    above: "tuple[tuple[int, Price], ...]" = ()


class FallbackOn(NamedTuple):
    """What a model does after a failure, instead of what all do (seed 001, example 2)."""

    error: str  # a failure class
    wait_s: float | None = None  # before the same route is tried again
    immediate: bool = False  # the next route at once, never this one again


class Parameters(NamedTuple):
    """Settings of one model (seed 001, examples 2 and 3); None: what holds for all."""

    sampling: tuple[tuple[str, float], ...] = ()  # temperature, top_p, presence_penalty
    timeout_s: float | None = None  # of one attempt
    max_retries: int | None = None  # on the same route, after the first try
    retry_delay_s: float | None = None  # before the first of them; it doubles
    fallback_on: tuple[FallbackOn, ...] = ()


class Model(NamedTuple):
    """One model of a provider; sizes in tokens."""

    name: str
    tier: str
    context_window: int
    max_output_tokens: int
    capabilities: frozenset[str] = frozenset()  # vision, tools, json_mode
    reliable: bool = False  # a fallback from the tier below (seed 001, fallback chain)
    parameters: Parameters = Parameters()


class Transport(NamedTuple):
    """One way to reach a provider: its command-line client or its HTTP API."""

    kind: str  # cli | api
    account: str
    billing: str  # subscription | metered | free
    repo_access: str
    client: str | None  # a name under `clients`, for cli
    dialect: str | None  # a wire format, for api
    base_url: str
    base_url_env: str | None
    key_env: tuple[str, ...]
    overhead_tokens: int
    first_byte_s: float
    idle_s: float


class Provider(NamedTuple):
    """One provider as configured."""

    name: str
    title: str
    optional: bool  # counts only when it is ready
    specializations: tuple[str, ...]
    cost_tier: str
    cost_per_request_usd: float
    limits: tuple[Limit, ...]
    models: tuple[Model, ...]
    transports: tuple[Transport, ...]
    usage_api: Json | None = None  # where an admin key asks what was used
    hint: str = ""  # what a person does to have it answer


class Hours(NamedTuple):
    """A part of the week: from and to as minutes after midnight, over it when to is not later."""

    days: frozenset[int]  # on which it begins, Monday is 0
    start: int
    end: int


class Rule(NamedTuple):
    """A row of config/rules.json: it applies when all its conditions hold, or by its name."""

    name: str
    reason: str
    automatic: bool  # has conditions, and is not switched off
    timed: bool  # of hours or branches: only with `time_rules`
    words: tuple[str, ...]
    repositories: tuple[str, ...]  # patterns
    branches: tuple[str, ...]  # patterns
    hours: tuple[Hours, ...]
    zone: str
    prefer: tuple[str, ...]  # PROVIDER or PROVIDER/MODEL, best first
    forbid: tuple[str, ...]
    tier: str | None
    strategy: str | None


class Ruling(NamedTuple):
    """What the rules that apply ask for; each effect is paired with the rule it is from."""

    prefer: tuple[str, ...] = ()
    forbid: Mapping[str, str] = MappingProxyType({})  # provider -> rule
    tier: str | None = None
    strategy: str | None = None
    applied: tuple[tuple[str, str, str], ...] = ()  # rule, effect, reason


class Config(NamedTuple):
    """Everything read from the config folder, checked."""

    folder: str
    settings: Json
    providers: dict[str, Provider]
    clients: Json
    keywords: Json
    agents: Json
    prices: dict[str, Json]
    price_version: str
    budgets: tuple[Budget, ...] = ()
    provider_thresholds: tuple[Threshold, ...] = ()  # of each provider's own budgets
    dialects: Json = {}  # noqa: RUF012 nobody changes a configuration
    rules: tuple[Rule, ...] = ()
    time_rules: bool = False
    listed: tuple[str, ...] = ()  # every provider, also those that are switched off


class Match(NamedTuple):
    """A word of the task that counted; `start` and `end` are character offsets."""

    word: str
    keyword: str
    provider: str
    kind: str  # strong | weak | topic
    points: int
    start: int
    end: int


class Classification(NamedTuple):
    """What a task asks for; scores are keyed by provider."""

    primary: str
    scores: dict[str, int]
    raw_scores: dict[str, int]
    fallback_chain: tuple[str, ...]
    task_type: str
    complexity: float
    tier: str
    paid_tier: str  # for what is billed by use: lower when a budget says so
    matched: tuple[Match, ...]
    clear: bool


class Wishes(NamedTuple):
    """What the person asked for beside the task; None means: you choose."""

    provider: str | None = None
    model: str | None = None
    agent: str | None = None
    transport: str | None = None
    complexity: float | None = None
    tier: str | None = None
    max_cost_usd: float | None = None
    timeout_s: float | None = None
    verify: str | None = None
    edit: bool = False
    allow_blind: bool = False
    force: bool = False
    no_defer: bool = False
    requires: tuple[str, ...] = ()  # capabilities of the model
    image: tuple[str, ...] = ()  # paths of files
    mcp_config: str | None = None  # path of a file
    strategy: str | None = None  # specialist | cheapest
    domain: str | None = None  # a rule by its name
    preferred_provider: str | None = None  # PROVIDER or PROVIDER/MODEL: first when it has room
    allow_unpriced: bool = False


class Block(NamedTuple):
    """Why a provider is left out.

    `kind` is limit, outage, readiness, access, capability, rule, rank or wish.
    """

    kind: str
    reason: str
    retry_at_ms: int | None = None
    busy: bool = False  # only calls that run are in the way


class Room(NamedTuple):
    """How full a provider is; percents are exact ratios times 100, None when unlimited."""

    requests_percent: float | None
    tokens_percent: float | None
    cost_today_usd: float
    daily_budget_usd: float | None
    blocks: tuple[Block, ...]


class Estimate(NamedTuple):
    """What one dispatch is expected to take."""

    input_tokens: int
    output_tokens: int
    cost_usd: float | None  # None: unpriced
    seconds: float
    source: str  # history | config


class Route(NamedTuple):
    """One concrete way to run the task."""

    provider: str
    model: str
    transport: Transport
    access: str  # none | read | edit
    max_output_tokens: int
    context_window: int = 0  # tokens; 0: not known
    tier: str = ""
    parameters: Parameters = Parameters()


class Candidate(NamedTuple):
    """A provider weighed for one task."""

    provider: str
    raw_score: int
    score: int
    model: Model | None
    room: Room
    blocks: tuple[Block, ...]
    estimate: Estimate | None
    routes: tuple[Route, ...]


class Agent(NamedTuple):
    """An agent of the catalog."""

    name: str
    category: str
    specialization: str
    access: str
    reason: str
    score: float


class Decision(NamedTuple):
    """The answer to: who runs this, with what, and why."""

    classification: Classification
    candidates: tuple[Candidate, ...]
    chosen: Candidate
    chain: tuple[Route, ...]
    agent: Agent
    access: str
    reason: str
    ready: bool
    no_room: bool
    outage: bool  # nothing but outages is in the way
    retry_at_ms: int | None
    notes: tuple[str, ...]
    totals: tuple[Total, ...]
    strategy: str
    ruling: Ruling
    climbs: tuple[tuple[Route, ...], ...]  # chains of the tiers above, for a failed check


class Turn(NamedTuple):
    """What one turn may use at most: tokens as rates count them, money as a true bound."""

    requests: int
    tokens: int
    cost_micro_usd: int


class Spent(NamedTuple):
    """What an attempt used, as the provider told or as we had to estimate."""

    requests: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None  # the provider's own figure
    parts: "tuple[tuple[str, Spent], ...]" = ()  # by request and model, as far as they are told


class Failure(NamedTuple):
    """Why an attempt failed; `wait_s` and `retry_at_ms` as the provider told.

    `sent` is False when the request surely never reached it; `wall` says what ends a QUOTA, None
    when it is not known.
    """

    kind: str
    message: str
    wait_s: float | None = None
    retry_at_ms: int | None = None
    sent: bool = True
    wall: str | None = None  # clock | window | person


class Seen(NamedTuple):
    """A figure from outside: `used` of `of`, or of the row's own limit when `of` is None.

    It is about every row of `metric` with this window; of all of them when none is named.
    """

    metric: str
    window_s: int | None
    period: str | None
    account: str | None
    used: int  # requests, tokens, micro-USD or percent
    of: int | None
    source: str
    observed_at_ms: int
    resets_at_ms: int | None = None
    model: str | None = None  # where it is about one model alone


class Event(NamedTuple):
    """Something a client or an API told while it ran."""

    kind: str  # started | pulse | text | tool | usage | retry | wall | done | tick | exit
    text: str = ""
    spent: Spent | None = None
    failure: Failure | None = None


class Outcome(NamedTuple):
    """How one attempt ended; `failure` is None when it delivered."""

    answer: str
    spent: Spent
    usage_known: bool
    failure: Failure | None
    used_tools: bool
    first_wall_ms: int | None = None
    accepted: bool = False  # an API answered 200: what failed later may be billed
    heard_ms: int | None = None  # when an API's answer began: it was counted by then
    seen: tuple[Seen, ...] = ()  # what the answer told of the provider's limits


class Breaker(NamedTuple):
    """What is known to be wrong with a billing account; a `kind` means that it is open.

    `retry_at_ms` is the next probe of an outage or an unknown wall, the end of one that ends by
    itself, and None where only a person can end it.
    """

    failures: int = 0  # in a row, over all processes
    kind: str | None = None  # outage | rate | clock | window | person | unknown
    since_ms: int = 0
    retry_at_ms: int | None = None
    set_ms: int = 0  # when that was written
    error: str = ""
    provider: str = ""


class Snapshot(NamedTuple):
    """What is known of the world when a decision is made; keyed by provider."""

    usages: dict[str, Json]
    unready: dict[str, tuple[str | None, ...]]  # per transport: why it can't be used, or None
    busy: dict[str, int]  # tasks in flight by agent
    history: Json
    totals: tuple[Total, ...] = ()
    breakers: Mapping[str, Breaker] = MappingProxyType({})  # by billing account
    repository: str = ""
    branch: str = ""  # read only where a rule asks for it
    checkout: str = ""  # that the repository is a folder of; read only where a rule asks for it
    beside_bytes: int = 0  # of text that goes with the task, and says nothing of who suits it


class Node(NamedTuple):
    """One task of a plan: a batch's row, a story of a PRD, a part of a swarm."""

    key: str  # what others call it in `depends_on`; "" where nobody named it
    task: str
    repository: str  # as given: a folder, or a name under the workspace
    options: Json  # the wishes that were given, by field
    depends_on: tuple[str, ...] = ()  # keys
    priority: int = 0  # higher goes first
    title: str = ""
    context: str = ""  # goes with the task, and says nothing of who suits it
    informed: bool = False  # it is told what those that it depends on answered
    story: str | None = None
