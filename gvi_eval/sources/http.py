"""One small client for publishers' servers: it waits, asks again, checks what came, and goes nowhere else."""

import email.utils
import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

from gvi_eval.errors import SourceError
from gvi_eval.privacy import masked

AGENT = "gvi-eval (published statistics, https)"
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
LONGEST_WAIT = 120.0  # seconds; a server that asks for more is left alone until another day
BLOCK = 1 << 16


@dataclass(frozen=True)
class Request:
    """What is asked: an address, and for a POST the body."""

    url: str
    body: bytes | None = None
    media_type: str = "application/json"  # of the body

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"


@dataclass(frozen=True)
class Response:
    """What was answered, whole."""

    url: str
    body: bytes
    media_type: str


class _Again(Exception):
    """A fault that may be gone in a moment: what it was, and how long the server asks to wait."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait


@dataclass(frozen=True)
class Client:
    """Sends requests over the standard library.

    An answer must begin and go on within ``timeout`` seconds and be whole within ``patience`` seconds, be no larger than
    ``largest`` bytes and as long as it says. Throttling (429), errors of the server (5xx), broken lines and short answers are
    tried ``attempts`` times with pauses of 1, 2, 4, ... seconds, or as long as the server asks. Certificates are verified,
    plain http is refused except on this machine, and a redirect to another host is an error. Raises `SourceError`.
    """

    timeout: float = 30.0
    patience: float = 600.0
    attempts: int = 5
    largest: int = 200_000_000
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def send(self, request: Request) -> Response:
        """The whole answer to a request."""
        host = _checked(request.url)
        said = ""
        for attempt in range(self.attempts):
            try:
                return self._once(request, host)
            except _Again as fault:
                said = str(fault)
                wait = float(2**attempt) if fault.wait is None else fault.wait
            if wait > LONGEST_WAIT:
                raise SourceError(f"{host} {said} and asks to wait {wait:.0f} seconds; run the same command again after that")
            if attempt + 1 < self.attempts:
                self.pause(wait)
        raise SourceError(
            f"{host} {said}, {self.attempts} times in a row; run the same command again later: parts that came whole are kept"
        )

    def _once(self, request: Request, host: str) -> Response:
        asked = urllib.request.Request(
            quote(request.url, safe=":/?&=%,;+*~()[]@!$'-._"),
            data=request.body,
            headers={"User-Agent": AGENT, "Accept": "application/json, text/csv, */*", "Accept-Encoding": "identity"}
            | ({"Content-Type": request.media_type} if request.body is not None else {}),
        )
        try:
            with _opener(host).open(asked, timeout=self.timeout) as answer:
                return Response(request.url, self._body(answer), answer.headers.get_content_type())
        except urllib.error.HTTPError as fault:
            with fault:
                raise _of_status(fault, host) from None
        except urllib.error.URLError as fault:
            if isinstance(fault.reason, ssl.SSLCertVerificationError):
                raise SourceError(
                    f"the certificate of {host} does not hold ({fault.reason.verify_message}); check the clock of this machine "
                    "and its certificates, and do not go on without"
                ) from None
            raise _Again(f"could not be reached ({_reason(fault.reason)})") from None
        except TimeoutError:
            raise _Again(f"was silent for {self.timeout:g} seconds") from None
        except http.client.IncompleteRead as fault:
            raise _Again(f"broke its answer off after {len(fault.partial)} bytes of a chunk") from None
        except (http.client.HTTPException, OSError) as fault:
            raise _Again(f"broke the line ({_reason(fault)})") from None

    def _body(self, answer: Any) -> bytes:
        """The body, as long as it was said to be and no larger than allowed."""
        encoding = answer.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise SourceError(
                f"the answer is packed as {encoding[:20]!r}, which was not asked for; try again, or ask the publisher"
            )
        declared = answer.headers.get("Content-Length", "")
        if declared.isdigit() and int(declared) > self.largest:
            raise SourceError(f"the answer has {int(declared):,} bytes, more than {self.largest:,}; ask for less of the table")
        ends = self.clock() + self.patience
        body = bytearray()
        while block := answer.read1(BLOCK):
            body += block
            if len(body) > self.largest:
                raise SourceError(f"the answer has more than {self.largest:,} bytes; ask for less of the table")
            if self.clock() > ends:
                raise _Again(f"did not finish its answer within {self.patience:g} seconds")
        if declared.isdigit() and len(body) != int(declared):
            raise _Again(f"broke its answer off after {len(body):,} of {int(declared):,} bytes")
        return bytes(body)


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirect of a GET within its own host; any other is an error."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if _origin(newurl) != _origin(req.full_url):
            fp.close()
            raise SourceError(
                f"{_host(req.full_url)} sends to {_host(newurl) or 'another address'}, which was not asked; if the publisher "
                "has moved, give the new address with --base"
            )
        if req.get_method() != "GET":
            fp.close()
            raise SourceError(
                f"{_host(req.full_url)} moves the question to another address of its own; give that address with --base"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(host: str) -> urllib.request.OpenerDirector:
    proxies = urllib.request.ProxyHandler({} if host.rsplit(":", 1)[0].strip("[]") in LOOPBACK else None)
    return urllib.request.build_opener(proxies, urllib.request.HTTPSHandler(context=_certificates()), _SameHost)


@cache
def _certificates() -> ssl.SSLContext:
    """The certificates that this machine trusts, read once."""
    return ssl.create_default_context()


def _checked(url: str) -> str:
    """The host of an address that may be asked."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return parts.netloc
    raise SourceError(f"the address '{masked(url)[:80]}' is not https; figures are fetched over verified connections only")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _of_status(fault: urllib.error.HTTPError, host: str) -> Exception:
    """What an error status means: worth another try, or not."""
    what = f"answered {fault.code} ({masked(str(fault.reason))[:60]})"
    if fault.code in TRANSIENT:
        return _Again(what, _wait_asked(fault.headers.get("Retry-After", "")))
    try:
        text = fault.read(2000).decode("utf-8", errors="replace")
    except (OSError, http.client.HTTPException):
        text = ""
    return SourceError(f"{host} {what}{_quoted(text)}; correct the recipe's table or query")


def _wait_asked(text: str) -> float | None:
    """Seconds of a Retry-After header: a number, or a moment."""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _quoted(text: str) -> str:
    """The beginning of what a server says, fit for a message."""
    plain = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    plain = "".join(letter for letter in plain if letter.isprintable())
    return f": {masked(plain)[:200]}" if plain else ""


def _reason(fault: object) -> str:
    return masked(str(fault) or type(fault).__name__)[:120]
