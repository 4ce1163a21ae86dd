"""Asking a provider what was used, with an admin key: the pages of its reports.

Only that key goes into a request; redirects are not followed, certificates are always checked, one
deadline holds for all pages together, and no page may pass a size.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from orchestrator.errors import TryLaterError
from orchestrator.providers import http, usage_anthropic, usage_google, usage_openai
from orchestrator.providers.process import Deadlines
from orchestrator.providers.reading import parsed
from orchestrator.providers.usage_report import Query, Wanted
from orchestrator.records import Json, Seen

SOURCE = "usage API"
MOST_BYTES = 4 * 1024 * 1024
MOST_PAGES = 50
SHORTEST_S = 900  # reports are minutes late: of a shorter window they tell nothing
FORMATS = {"openai": usage_openai, "anthropic": usage_anthropic, "google": usage_google}


def key_of(api: Json, environment: Mapping[str, str]) -> str | None:
    """Take the key from the first of its variables that is set; None also without the project."""
    if "project_env" in api and not environment.get(api["project_env"]):
        return None
    return next((environment[name] for name in api["key_env"] if environment.get(name)), None)


def read(
    api: Json, rows: Sequence[Wanted], environment: Mapping[str, str], deadline_s: float
) -> list[Seen]:
    """Ask for the figures of limit rows; raises TryLaterError saying why there are none."""
    end = time.monotonic() + deadline_s
    report, known = FORMATS[api["format"]], dict[Query, list[Json]]()
    headers = {**report.headers(key_of(api, environment) or ""), "accept": "application/json"}
    trust = environment.get("SSL_CERT_FILE") or environment.get("SSL_CERT_DIR")

    def fetch(query: Query) -> list[Json]:
        if query not in known:
            known[query] = _pages(query, headers, trust, end)
        return known[query]

    found = []
    addressed = {name: _filled(text, api, environment) for name, text in api.items()}
    for wanted in rows:
        try:
            told = report.figure(addressed, wanted, fetch)
        except (ValueError, KeyError, TypeError) as error:
            raise TryLaterError(f"its report is not of the known shape ({error})") from None
        if told is not None:
            found.append(
                Seen(
                    metric=wanted.metric,
                    window_s=wanted.window_s,
                    period=wanted.period,
                    account=api["account"],
                    used=told[0],
                    of=told[1],
                    source=SOURCE,
                    observed_at_ms=wanted.now_ms,
                )
            )
    return found


def _filled(value: object, api: Json, environment: Mapping[str, str]) -> object:
    """Put project and service into an address."""
    if not isinstance(value, str) or "{" not in value:
        return value
    project = environment.get(api.get("project_env", ""), "")
    filled = value.replace("{project}", quote(project, safe=""))
    return filled.replace("{service}", quote(api.get("service", ""), safe=""))


def _pages(query: Query, headers: Mapping[str, str], trust: str | None, end: float) -> list[Json]:
    """Fetch a report page by page; a cursor that does not move on is an error."""
    pages: list[Json] = []
    cursor = ""
    while len(pages) < MOST_PAGES:
        more = ((query.cursor, cursor),) if cursor else ()
        url = f"{query.url}?{urlencode((*query.params, *more))}"
        left = max(0.05, end - time.monotonic())
        request = http.Request(url, headers, trust=trust, method="GET")
        status, body = http.whole(request, Deadlines(end, left, left), MOST_BYTES)
        if status != 200:
            why = "the key was refused" if status in (401, 403) else "it did not answer"
            raise TryLaterError(f"{why} (HTTP {status})")
        page = parsed(body.decode("utf-8", "replace"))
        if page is None:
            raise TryLaterError("it answered something else than JSON")
        pages.append(page)
        told = page.get(query.following)
        if not isinstance(told, str) or not told or page.get("has_more") is False:
            return pages
        if told == cursor:
            raise TryLaterError("its pages do not come to an end")
        cursor = told
    raise TryLaterError(f"it has more than {MOST_PAGES} pages")
