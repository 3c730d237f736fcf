"""A server on this machine that answers as the publishers do: right, throttled, slow, cut off, changed, or not at all."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from math import prod
from urllib.parse import parse_qs, unquote, urlsplit

AREAS = {"101": "København", "147": "Frederiksberg", "461": "Odense", "998": "Not stated"}
OFFENCES = {"12": "Violence", "3410": "Weapons act"}
QUARTERS = {f"{year}K{quarter}": f"{year}Q{quarter}" for year in (2021, 2022) for quarter in range(1, 5)}
REGIONS = {"1280": "Malmö", "1480": "Göteborg", "0180": "Stockholm"}
YEARS = {str(year): str(year) for year in range(2019, 2025)}
PAGE = b"<!DOCTYPE html><html><body><h1>Maintenance</h1></body></html>"


def figure(*codes: str) -> int:
    """A figure for a cell that anyone can recompute."""
    return 10 + sum(ord(letter) * place for place, letter in enumerate("".join(codes), start=1)) % 90


@dataclass
class Publisher:
    """What is served, and the faults that come first: each is used up by one request.

    A fault is an HTTP status, or one of: slow, truncated, wrong length, longer, chunk, malformed, web page, reset, elsewhere,
    another path, nan, packed.
    """

    faults: list[int | str] = field(default_factory=list)
    only: str = ""  # faults come to requests whose path holds this
    seen: list[tuple[str, str, bytes]] = field(default_factory=list)
    areas: dict[str, str] = field(default_factory=lambda: dict(AREAS))
    regions: dict[str, str] = field(default_factory=lambda: dict(REGIONS))
    years: dict[str, str] = field(default_factory=lambda: dict(YEARS))
    suppressed: set[tuple[str, ...]] = field(default_factory=set)
    changed: dict[tuple[str, ...], int] = field(default_factory=dict)
    updated: str = "2026-02-11T08:00:00Z"
    retry_after: str = "0"
    most_cells: int = 12
    per_page: int = 3
    base: str = ""

    def value(self, codes: tuple[str, ...]) -> int | None:
        return None if codes in self.suppressed else self.changed.get(codes, figure(*codes))


@contextmanager
def serving(publisher: Publisher) -> Iterator[Publisher]:
    """The publisher on a free port of this machine."""
    handler = type("Handler", (_Handler,), {"publisher": publisher})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    publisher.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield publisher
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    publisher: Publisher
    protocol_version = "HTTP/1.1"

    def log_message(self, *parts: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, asked: bytes) -> None:
        publisher = self.publisher
        publisher.seen.append((self.command, self.path, asked))
        fault = publisher.faults.pop(0) if publisher.faults and publisher.only in self.path else None
        try:
            status, media_type, body = self._content(asked)
            self._send(fault, status, media_type, body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _content(self, asked: bytes) -> tuple[int, str, bytes]:
        address = urlsplit(self.path)
        path = unquote(address.path)
        question = parse_qs(address.query)
        for prefix, answer in (
            ("/statbank/", statbank),
            ("/pxweb/", pxweb),
            ("/kolada/", kolada),
            ("/eurostat/", eurostat),
        ):
            if path.startswith(prefix):
                status, media_type, content = answer(self.publisher, path.removeprefix(prefix), question, asked)
                return status, media_type, content if isinstance(content, bytes) else json.dumps(content).encode()
        return 404, "application/json", b'{"message": "no such page"}'

    def _send(self, fault: int | str | None, status: int, media_type: str, body: bytes) -> None:
        publisher = self.publisher
        headers: dict[str, str] = {}
        length = len(body)
        if isinstance(fault, int):
            status, body = fault, b'{"message": "not now"}'
            length = len(body)
            headers["Retry-After"] = publisher.retry_after
        elif fault == "slow":
            time.sleep(0.6)
        elif fault in ("elsewhere", "another path"):
            headers["Location"] = "http://localhost:1/" if fault == "elsewhere" else f"{self.path}?moved"
            status, body, length = 302, b"", 0
        elif fault == "web page":
            media_type, body = "text/html", PAGE
            length = len(body)
        elif fault == "malformed":
            body = body.replace(b'"size": [', b'"size": [7, ')
            length = len(body)
        elif fault == "nan":
            body = body.replace(b'"value": [', b'"value": [NaN, ')
            length = len(body)
        elif fault == "wrong length":
            length = len(body) - 9
        elif fault == "longer":
            length = len(body) + 9
        elif fault == "packed":
            headers["Content-Encoding"] = "br"
        elif fault == "reset":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        for name, text in headers.items():
            self.send_header(name, text)
        if fault == "chunk":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(f"{len(body):x}\r\n".encode() + body[: len(body) // 2])
        else:
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if fault == "truncated" else body)
        if fault in ("truncated", "longer", "wrong length", "chunk"):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True


def dataset(publisher: Publisher, query: dict[str, list[str]], words: dict[str, dict[str, str]]) -> dict:
    """A JSON-stat 2 data set; suppressed cells are null with a mark."""
    cells = list(product(*query.values()))
    values = [publisher.value(codes) for codes in cells]
    return {
        "version": "2.0",
        "class": "dataset",
        "updated": publisher.updated,
        "id": list(query),
        "size": [len(codes) for codes in query.values()],
        "dimension": {
            name: {
                "category": {
                    "index": {code: place for place, code in enumerate(codes)},
                    "label": {code: words[name][code] for code in codes},
                }
            }
            for name, codes in query.items()
        },
        "value": values,
        "status": {str(place): ".." for place, value in enumerate(values) if value is None},
    }


def statbank(publisher: Publisher, path: str, question: dict, asked: bytes) -> tuple[int, str, object]:
    """tableinfo and data of StatBank Denmark; JSON-stat of version 1, as it answers, and BULK."""
    wanted = json.loads(asked)
    variables = {"OMRÅDE": publisher.areas, "OVERTRÆD": OFFENCES, "Tid": QUARTERS}
    if wanted["table"] != "STRAF11":
        return 400, "application/json", {"errorTypeCode": "EXTRACT-NOTFOUND", "message": "Tabellen blev ikke fundet"}
    if path == "tableinfo":
        listed = [
            {"id": name, "text": name.lower(), "values": [{"id": code, "text": text} for code, text in codes.items()]}
            for name, codes in variables.items()
        ]
        return 200, "application/json", {"id": "STRAF11", "updated": publisher.updated, "variables": listed}
    query = {item["code"]: item["values"] for item in wanted["variables"]}
    if wanted["format"] == "BULK":
        lines = [";".join([*(name.upper() for name in query), "INDHOLD"])]
        for codes in product(*query.values()):
            value = publisher.value(codes)
            lines.append(";".join([*codes, ".." if value is None else str(value)]))
        return 200, "text/csv", ("\ufeff" + "\r\n".join([*lines, ""])).encode()
    document = dataset(publisher, query, variables)
    dimension = document["dimension"] | {"id": document["id"], "size": document["size"], "role": {"time": ["Tid"]}}
    inner = {key: document[key] for key in ("value", "status", "updated")} | {"dimension": dimension}
    return 200, "application/json", {"dataset": inner}


def pxweb(publisher: Publisher, path: str, question: dict, asked: bytes) -> tuple[int, str, object]:
    """config, metadata and data of PxWeb 2; more cells than allowed are refused."""
    variables = {"Region": publisher.regions, "ContentsCode": {"BE0101N1": "Population"}, "Tid": publisher.years}
    if path == "config":
        limits = {"maxDataCells": publisher.most_cells, "maxCallsPerTimeWindow": 30, "timeWindow": 10}
        return 200, "application/json", {"apiVersion": "2.0.0", **limits}
    table, _, what = path.removeprefix("tables/").partition("/")
    if table != "TAB638":
        return 404, "application/json", {"title": "Not found", "status": 404, "type": "Parameter error"}
    if what == "metadata":
        document = dataset(publisher, {name: list(codes) for name, codes in variables.items()}, variables)
        return 200, "application/json", {key: value for key, value in document.items() if key not in ("value", "status")}
    query = {item["variableCode"]: item["valueCodes"] for item in json.loads(asked)["selection"]}
    if prod(len(codes) for codes in query.values()) > publisher.most_cells:
        return 403, "application/json", {"title": "Too many cells selected", "status": 403}
    return 200, "application/json", dataset(publisher, query, variables)


def kolada(publisher: Publisher, path: str, question: dict, asked: bytes) -> tuple[int, str, object]:
    """Pages of key figures, each with the address of the next."""
    _, _, kpi, _, places, _, years = path.split("/")
    every = [
        {"kpi": kpi, "municipality": place, "period": int(year), "values": _genders(publisher, (kpi, place, year))}
        for place in places.split(",")
        for year in years.split(",")
    ]
    page = int(question.get("page", ["1"])[0])
    first = (page - 1) * publisher.per_page
    following = f"{publisher.base}/kolada/{path}?page={page + 1}" if first + publisher.per_page < len(every) else None
    values = every[first : first + publisher.per_page]
    return 200, "application/json", {"count": len(values), "values": values, "next_url": following, "previous_url": None}


def _genders(publisher: Publisher, codes: tuple[str, ...]) -> list[dict]:
    value = publisher.value(codes)
    total = {"gender": "T", "value": None if value is None else value + 0.5, "status": "Missing" if value is None else ""}
    return [total, {"gender": "K", "value": 1.0, "status": ""}]


def eurostat(publisher: Publisher, path: str, question: dict, asked: bytes) -> tuple[int, str, object]:
    """The statistics interface; values and marks by position, and its own form of errors."""
    if path != "crim_gen_reg":
        return 404, "application/json", {"error": [{"status": 404, "id": 100, "label": "ERR_NOT_FOUND"}]}
    words = {
        "freq": {"A": "Annual"},
        "unit": {"NR": "Number", "P_HTHAB": "Per hundred thousand inhabitants"},
        "iccs": {"ICCS0101": "Intentional homicide", "ICCS02011": "Assault", "ICCS0401": "Robbery"},
        "geo": {"SE224": "Skåne län", "DK011": "Byen København"},
        "time": YEARS,
    }
    query = {name: [code for code in codes if code in question.get(name, codes)] for name, codes in words.items()}
    document = dataset(publisher, query, words)
    document["value"] = {str(place): value for place, value in enumerate(document["value"]) if value is not None}
    document["status"] = dict.fromkeys(document["status"], ":")
    return 200, "application/json", document
