"""All saved tables in one zip, with a datapackage.json that says what each column holds."""

import io
import re
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from gvi_eval.report.saved import Saved
from gvi_eval.writing import json_bytes, slug

STAMP = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold: always the same, so that the bytes are
PACKAGE_FILE = "datapackage.json"
INTEGER = re.compile(r"-?\d{1,15}")
NUMBER = re.compile(r"-?(\d+(\.\d+)?(e[+-]?\d+)?|inf)")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
TRUTH = {"True", "False"}


def zip_bytes(saved: Saved, names: list[str]) -> bytes:
    """The named tables of a results folder, byte for byte, and their description as a Data Package."""
    contents = {name: (saved.folder / name).read_bytes() for name in sorted(names)}
    contents = {PACKAGE_FILE: json_bytes(datapackage(saved, contents))} | contents
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in contents.items():
            info = zipfile.ZipInfo(name, STAMP)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content, compresslevel=9)
    return target.getvalue()


def datapackage(saved: Saved, contents: dict[str, bytes]) -> dict[str, Any]:
    """A Data Package: each table with its hash, and each column with the narrowest type that all its cells have."""
    manifest = saved.manifest
    return {
        "profile": "tabular-data-package",
        "name": f"gvi-eval-{slug(manifest['study'])}",
        "title": manifest["title"],
        "description": manifest["question"],
        "id": manifest["run"],
        "sources": [
            {"title": item["title"]} | ({"path": item["urls"][0]} if len(item["urls"]) == 1 else {})
            for item in manifest["inputs"]
        ],
        "resources": [_resource(saved, name, content) for name, content in contents.items()],
    }


def _resource(saved: Saved, name: str, content: bytes) -> dict[str, Any]:
    rows = saved.table(name)
    columns = tuple(rows[0]) if rows else tuple(content.decode().split("\n", 1)[0].split(","))
    fields = [{"name": column, "type": type_of([row[column] for row in rows])} for column in columns]
    return {
        "profile": "tabular-data-resource",
        "name": slug(Path(name).with_suffix("").as_posix()),
        "path": name,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": len(content),
        "hash": f"sha256:{sha256(content).hexdigest()}",
        "schema": {"fields": fields, "missingValues": [""]},
    }


def type_of(cells: list[str]) -> str:
    """integer, number, date, boolean or string; string for a column without a cell."""
    filled = [cell for cell in cells if cell != ""]
    if not filled:
        return "string"
    if set(filled) <= TRUTH:
        return "boolean"
    for name, form in (("integer", INTEGER), ("number", NUMBER), ("date", DAY)):
        if all(form.fullmatch(cell) for cell in filled):
            return name
    return "string"
