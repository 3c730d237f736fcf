"""Fingerprints: the same meaning gives the same hash, another meaning another."""

import subprocess
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.errors import DataError
from gvi_eval.hashing import canonical_json, code_hash, file_hash, settings_hash


@dataclass(frozen=True)
class Design:
    start: date
    draws: int


def test_a_file_hashes_as_its_bytes(tmp_path):
    path = tmp_path / "counts.csv"
    path.write_bytes(b"unit,count\nMalm\xc3\xb6,61\n" * 100_000)
    assert file_hash(path) == sha256(path.read_bytes()).hexdigest()


def test_canonical_text_by_hand():
    settings = {"window": (date(2017, 1, 1), None), "level": 0.1, "area": "Malmö", "donors": ["b", "a"]}
    assert canonical_json(settings) == '{"area":"Malmö","donors":["b","a"],"level":0.1,"window":["2017-01-01",null]}'


def test_a_design_hashes_as_its_fields():
    assert settings_hash(Design(date(2018, 10, 1), 500)) == settings_hash({"draws": 500, "start": date(2018, 10, 1)})


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())))
def test_the_order_of_settings_does_not_matter(chosen):
    assert settings_hash(dict(reversed(chosen.items()))) == settings_hash(chosen)


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), ("1", 1), ([1, 2], [2, 1]), (None, "null"), (0.1, 0.1 + 1e-17 + 2e-17)])
def test_another_meaning_is_another_hash(one, other):
    assert settings_hash({"value": one}) != settings_hash({"value": other})


@pytest.mark.parametrize("value", [float("nan"), {1: "a"}, object()])
def test_what_has_no_canonical_text_is_refused_by_place(value):
    with pytest.raises(DataError, match=r"settings\.design\[0\]"):
        settings_hash({"design": [value]})


def package_with(tmp_path, **files):
    package = tmp_path / "gvi_eval"
    for name, text in files.items():
        path = package / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(text)
    return package


def test_code_hash_is_that_of_a_listing_by_sha256sum(tmp_path):
    package = package_with(tmp_path, panel="x = 1\n", estimators__did="y = 2\n")
    (tmp_path / "requirements.lock").write_text("numpy==2.0\n")
    names = ["gvi_eval/estimators/did.py", "gvi_eval/panel.py", "requirements.lock"]
    listing = subprocess.run(["sha256sum", *names], cwd=tmp_path, capture_output=True, check=True).stdout
    assert code_hash(package) == sha256(listing).hexdigest()


def test_code_hash_sees_content_name_and_lock_and_nothing_else(tmp_path):
    package = package_with(tmp_path, panel="x = 1\n", study="y = 1\n")
    hashes = [code_hash(package)]
    (package / "panel.py").write_text("x = 2\n")
    hashes.append(code_hash(package))
    (package / "panel.py").rename(package / "panels.py")
    hashes.append(code_hash(package))
    (tmp_path / "requirements.lock").write_text("numpy==2.0\n")
    hashes.append(code_hash(package))
    assert len(set(hashes)) == 4
    (package / "notes.txt").write_text("not code")
    assert code_hash(package) == hashes[-1]
