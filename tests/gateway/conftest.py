"""The real LiteLLM proxy, started as a person starts it, with models that answer by themselves."""

import pytest
from proxies import Proxy
from support import Place


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    """A proxy for all tests of a file; it ends with them."""
    made = Proxy(Place(tmp_path_factory.mktemp("the proxy")))
    yield made
    assert made.end() == []


@pytest.fixture
def own_proxy(tmp_path):
    """Start proxies that a test may end as it likes."""
    made = []

    def start(*words, **options):
        folder = tmp_path / f"proxy {len(made)}"
        made.append(Proxy(Place(folder), *words, **options))
        return made[-1]

    yield start
    assert [left for each in made for left in each.end()] == []


@pytest.fixture
def pointed(place, proxy):
    """A place that knows the proxy, its key and its models."""
    place.environment |= proxy.variables
    done = place.script("litellm_proxy.sh", "--models")
    assert done.code == 0, done
    return place
