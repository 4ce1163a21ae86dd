"""Cases that take turns: `make test` runs the first, `make soak` all of them."""

import pytest
from support import PROVIDERS


def first_of(*cases):
    """Mark all cases but the first as long ones."""
    return [cases[0], *(pytest.param(case, marks=pytest.mark.soak) for case in cases[1:])]


ONE_PROVIDER = first_of("claude", *(name for name in PROVIDERS if name != "claude"))
