"""The publishers on this machine, and the recipes that ask them."""

from datetime import UTC, datetime

import pytest
from publishers import Publisher, serving
from recipe_texts import HEAD, STRAF11

from gvi_eval.sources.fetch import fetch
from gvi_eval.sources.http import Client
from gvi_eval.sources.recipe import load_recipe


@pytest.fixture
def publisher():
    with serving(Publisher()) as one:
        yield one


@pytest.fixture
def write_recipe(tmp_path):
    def write(provider: str, body: str, name: str = "table"):
        folder = tmp_path / "town" / "recipes"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.toml").write_text(HEAD.format(name=name, provider=provider) + body, encoding="utf-8")
        return load_recipe(folder / f"{name}.toml")

    return write


@pytest.fixture
def straf11(write_recipe):
    return write_recipe("statbank", STRAF11)


@pytest.fixture
def clock():
    return Clock()


class Clock:
    """A clock that moves when somebody waits, so that no test does."""

    def __init__(self) -> None:
        self.waited: list[float] = []
        self.day = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def pause(self, seconds: float) -> None:
        self.waited.append(seconds)

    def now(self) -> datetime:
        return self.day

    def client(self, **changes) -> Client:
        return Client(**{"timeout": 0.3, "pause": self.pause} | changes)


@pytest.fixture
def fetched(publisher, clock):
    """Fetch a recipe from the publisher on this machine."""

    def get(recipe, **changes):
        return fetch(recipe, f"{publisher.base}/{recipe.provider}", clock.client(**changes), clock.now)

    return get
