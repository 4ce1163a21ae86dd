"""Names of rows and ages, as people read them."""

from __future__ import annotations


def row_name(key: str) -> str:
    """Write a row's name: `percent/5h` for `percent/18000s@plan`."""
    name = key.partition("@")[0]
    metric, _, window = name.partition("/")
    seconds = window.partition("#")[0].removesuffix("s")
    if not seconds.isdigit() or int(seconds) < 3600:
        return name
    hours = int(seconds) // 3600
    return f"{metric}/{hours}h" if hours < 48 else f"{metric}/{hours // 24}d"


def age(age_ms: int) -> str:
    """Write a span of time: `now`, `12 min`, `3 h`, `5 d`."""
    minutes = age_ms // 60_000
    if minutes < 1:
        return "now"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} d"


def clock_span(seconds: float) -> str:
    """Write how long something takes: `45 s`, `3 min 20 s`, `2 h 05 min`, `1 d 3 h`."""
    whole = max(0, int(seconds))
    minutes, hours = whole // 60, whole // 3600
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{minutes} min {whole % 60:02} s"
    return f"{hours} h {minutes % 60:02} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"
