"""What publishers answered, kept as it came: the raw parts, the questions, the time and the sha256, whole or not at all.

A snapshot is a record ``<day>-<digest>.json`` and beside it its parts ``<day>-<digest>.<number>.<ending>``. The record is
written last and in one move, so that a snapshot without its record does not exist. The same answers again are the snapshot
that is there; other answers are a new one, a vintage of their own, and nothing is overwritten.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from gvi_eval.errors import DataError
from gvi_eval.hashing import settings_hash
from gvi_eval.privacy import safe_name
from gvi_eval.sources.http import Client, Request
from gvi_eval.writing import json_bytes

STALE = timedelta(hours=12)  # parts of a fetch that was broken off longer ago are not put together with new ones
ENDINGS = {"application/json": "json", "text/csv": "csv", "text/plain": "txt", "application/vnd.ms-excel": "xls"}


@dataclass(frozen=True)
class Part:
    """One stored answer: what it is for, where it was asked, with which body, and its bytes."""

    name: str
    url: str
    asked: str | None
    media_type: str
    body: bytes

    @property
    def sha256(self) -> str:
        return sha256(self.body).hexdigest()


@dataclass(frozen=True)
class Snapshot:
    """A stored fetch: its record, when it was made, of which recipe's question, and its parts."""

    record: Path
    recipe: str
    provider: str
    table: str
    retrieved: datetime
    query: Mapping[str, object]
    parts: tuple[Part, ...]
    is_new: bool = False

    @property
    def sha256(self) -> str:
        return digest(self.parts)

    def body(self, name: str) -> bytes:
        return next(part.body for part in self.parts if part.name == name)


def digest(parts: tuple[Part, ...]) -> str:
    """The sha256 of a listing of the parts, one line each as `sha256sum` writes it; the name stands for the file."""
    return sha256("".join(f"{part.sha256}  {part.name}\n" for part in parts).encode()).hexdigest()


class Keeper:
    """Sends requests once: an answer that came whole is put aside, and found there when the same fetch is made again.

    ``question`` is everything that decides what is asked; parts of another question are never used, nor those of a fetch that
    was broken off more than twelve hours ago.
    """

    def __init__(self, folder: Path, question: object, client: Client, now: Callable[[], datetime] | None = None) -> None:
        self.now = now or (lambda: datetime.now(UTC))
        self.client = client
        self.folder = folder / ".partial" / settings_hash(question)[:16]
        self.parts: list[Part] = []
        self.taken_up = 0
        self.folder.mkdir(parents=True, exist_ok=True)
        begun = self.folder / "begun"
        if begun.is_file() and self.now() - _moment(begun.read_text(encoding="utf-8")) > STALE:
            shutil.rmtree(self.folder)
            self.folder.mkdir()
        if not begun.is_file():
            write_whole(begun, self.now().isoformat().encode())

    def ask(self, name: str, request: Request, check: Callable[[bytes], object] = lambda body: None) -> bytes:
        """The answer to a request, which ``check`` has read without an error; asked only if it is not kept already."""
        kept = self.folder / f"{len(self.parts)}.json"
        asked = request.body.decode() if request.body is not None else None
        if kept.is_file() and (part := _kept(kept, name, request.url, asked)):
            self.taken_up += 1
        else:
            answer = self.client.send(request)
            check(answer.body)
            part = Part(name, request.url, asked, answer.media_type, answer.body)
            write_whole(kept.with_suffix(".bytes"), part.body)
            write_whole(kept, json_bytes(_described(part)))
        self.parts.append(part)
        return part.body

    def snapshot(self, folder: Path, recipe: str, provider: str, table: str, query: Mapping[str, object]) -> Snapshot:
        """All parts as a snapshot: the one that is stored with the same bytes, or a new one, which is not stored yet."""
        return snapshot_of(tuple(self.parts), folder, recipe, provider, table, query, self.now())

    def forget(self) -> None:
        """What was put aside is of no more use."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if not any(self.folder.parent.iterdir()):
            self.folder.parent.rmdir()


def snapshot_of(
    parts: tuple[Part, ...],
    folder: Path,
    recipe: str,
    provider: str,
    table: str,
    query: Mapping[str, object],
    moment: datetime,
) -> Snapshot:
    """The stored snapshot of the same recipe with the same bytes, or a new one, which is not stored yet."""
    for record in snapshots(folder):
        if record.name.endswith(f"-{digest(parts)[:12]}.json"):
            known = read_snapshot(record)
            if known.sha256 == digest(parts):
                return known
    moment = moment.replace(microsecond=0)
    record = folder / f"{moment.date().isoformat()}-{digest(parts)[:12]}.json"
    return Snapshot(record, recipe, provider, table, moment, query, parts, is_new=True)


def store(snapshot: Snapshot) -> None:
    """Write a snapshot, its record last; one that is there already is left as it is."""
    if not snapshot.is_new:
        return
    listed = []
    for number, part in enumerate(snapshot.parts, start=1):
        file = snapshot.record.with_suffix(f".{number}.{ENDINGS.get(part.media_type, 'bin')}")
        write_whole(file, part.body)
        listed.append({"file": file.name} | _described(part))
    content = {
        "recipe": snapshot.recipe,
        "provider": snapshot.provider,
        "table": snapshot.table,
        "query": dict(snapshot.query),
        "retrieved": snapshot.retrieved.isoformat(),
        "sha256": snapshot.sha256,
        "parts": listed,
    }
    write_whole(snapshot.record, json_bytes(content))


def snapshots(folder: Path) -> list[Path]:
    """The records of a folder, the oldest first."""
    found = [file for file in folder.glob("*-*.json") if file.name.count(".") == 1]
    return sorted(found, key=lambda file: (_retrieved(file), file.name))


def read_snapshot(record: Path) -> Snapshot:
    """A snapshot from its record; raises `DataError` where a part is missing or is not as it was stored."""
    try:
        raw = json.loads(record.read_text(encoding="utf-8"))
        parts = tuple(_part(record, item) for item in raw["parts"])
        moment = datetime.fromisoformat(raw["retrieved"])
        found = Snapshot(record, raw["recipe"], raw["provider"], raw["table"], moment, raw["query"], parts)
        recorded = raw["sha256"]
    except FileNotFoundError as fault:
        raise DataError(f"{safe_name(record)} lacks {safe_name(Path(fault.filename).name)}; fetch again") from None
    except (ValueError, KeyError, TypeError) as fault:
        raise DataError(f"{safe_name(record)} is no record of a snapshot ({fault!r}); fetch again") from None
    if recorded != found.sha256:
        raise DataError(f"the parts of {safe_name(record)} are not those that were stored; restore them, or fetch again")
    return found


def write_whole(file: Path, content: bytes) -> None:
    """Write a file in one move: after an interrupt it is the old one or the new one, never a piece."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(scratch, 0o644)
        os.replace(scratch, file)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def _described(part: Part) -> dict[str, object]:
    named = {key: value for key, value in asdict(part).items() if key != "body"}
    return named | {"sha256": part.sha256, "bytes": len(part.body)}


def _kept(file: Path, name: str, url: str, asked: str | None) -> Part | None:
    """A part that was put aside, if it answers this very request and is whole."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        part = Part(raw["name"], raw["url"], raw["asked"], raw["media_type"], file.with_suffix(".bytes").read_bytes())
    except (OSError, ValueError, KeyError):
        return None
    same = (part.name, part.url, part.asked, part.sha256) == (name, url, asked, raw.get("sha256"))
    return part if same else None


def _part(record: Path, item: Mapping[str, str]) -> Part:
    if Path(item["file"]).name != item["file"]:
        raise ValueError(f"the part {item['file']} does not lie beside its record")
    body = (record.parent / item["file"]).read_bytes()
    part = Part(item["name"], item["url"], item["asked"], item["media_type"], body)
    if part.sha256 != item["sha256"]:
        raise ValueError(f"the part {item['file']} has changed")
    return part


def _retrieved(record: Path) -> str:
    try:
        return str(json.loads(record.read_text(encoding="utf-8"))["retrieved"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
