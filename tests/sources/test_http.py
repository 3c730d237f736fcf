"""What goes wrong on the way: tried again where it may pass, told where it may not, never half an answer."""

import pytest

from gvi_eval.errors import SourceError
from gvi_eval.sources.http import Client, Request, _wait_asked
from gvi_eval.sources.jsonstat import read_jsonstat

GET = "/eurostat/crim_gen_reg?geo=SE224"


@pytest.fixture
def get(publisher, clock):
    return lambda path=GET, body=None, **changes: clock.client(**changes).send(Request(publisher.base + path, body))


@pytest.mark.parametrize("fault", [429, 500, 503, "truncated", "longer", "chunk", "reset", "slow"])
def test_a_fault_that_may_pass_is_tried_again(get, publisher, clock, fault):
    publisher.faults = [fault, fault]
    publisher.retry_after = ""
    assert len(read_jsonstat(get().body)) == 1 * 2 * 3 * 1 * 6
    assert len(publisher.seen) == 3 and clock.waited == [1.0, 2.0]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (429, r"answered 429 \(Too Many Requests\), 3 times in a row; run the same command again later"),
        (503, r"answered 503 \(Service Unavailable\), 3 times in a row"),
        ("truncated", r"broke its answer off after \d+ of [\d,]+ bytes, 3 times in a row"),
        ("longer", r"broke its answer off after [\d,]+ of [\d,]+ bytes, 3 times"),
        ("chunk", r"broke its answer off after \d+ bytes of a chunk, 3 times"),
        ("slow", r"was silent for 0.3 seconds, 3 times in a row"),
        ("reset", r"broke the line \(.*\), 3 times in a row"),
    ],
)
def test_a_fault_that_stays_is_told_with_the_way_out(get, publisher, fault, sentence):
    publisher.faults = [fault] * 3
    with pytest.raises(SourceError, match=sentence):
        get(attempts=3)
    assert len(publisher.seen) == 3


def test_a_server_that_asks_to_wait_is_waited_for(get, publisher, clock):
    publisher.faults, publisher.retry_after = [429, 429], "17"
    get()
    assert clock.waited == [17.0, 17.0]


def test_a_server_that_asks_for_an_hour_is_left_alone(get, publisher, clock):
    publisher.faults, publisher.retry_after = [429], "3600"
    with pytest.raises(SourceError, match="asks to wait 3600 seconds; run the same command again after that"):
        get()
    assert clock.waited == [] and len(publisher.seen) == 1


def test_a_moment_to_wait_for_is_read_and_nonsense_is_not():
    assert _wait_asked("Wed, 01 Jan 2020 00:00:00 GMT") == 0.0
    assert _wait_asked("Wed, 01 Jan 2020 00:00:00 -0000") == 0.0
    assert _wait_asked("soon") is None and _wait_asked("") is None and _wait_asked("-5") is None


@pytest.mark.parametrize(("status", "word"), [(400, "Bad Request"), (404, "Not Found"), (403, "Forbidden")])
def test_a_wrong_question_is_not_asked_twice_and_the_servers_words_are_passed_on(get, publisher, status, word):
    publisher.faults = [status]
    with pytest.raises(SourceError, match=rf'answered {status} \({word}\): {{"message": "not now"}}; correct the recipe'):
        get()
    assert len(publisher.seen) == 1


def test_another_host_is_not_gone_to(get, publisher):
    publisher.faults = ["elsewhere"]
    with pytest.raises(SourceError, match=r"sends to localhost:1, which was not asked"):
        get()
    assert len(publisher.seen) == 1


def test_a_question_with_a_body_is_not_sent_anywhere_else(get, publisher):
    publisher.faults = ["another path"]
    with pytest.raises(SourceError, match="moves the question to another address of its own"):
        get("/statbank/tableinfo", b'{"table": "STRAF11"}')


def test_a_move_within_the_host_is_followed(publisher, clock):
    publisher.faults = ["another path"]
    with pytest.raises(SourceError, match="answered 404"):  # followed, and there is nothing there
        clock.client().send(Request(f"{publisher.base}/nowhere"))
    assert [path for _, path, _ in publisher.seen] == ["/nowhere", "/nowhere?moved"]


def test_more_than_is_allowed_is_refused_by_what_it_says_and_by_what_comes(get, publisher):
    with pytest.raises(SourceError, match=r"bytes, more than 100; ask for less of the table"):
        get(largest=100)
    publisher.faults = ["chunk"]
    with pytest.raises(SourceError, match=r"more than 100 bytes; ask for less"):
        get(largest=100)


def test_what_was_packed_unasked_is_refused(get, publisher):
    publisher.faults = ["packed"]
    with pytest.raises(SourceError, match="packed as 'br', which was not asked for"):
        get()


def test_an_answer_that_never_ends_is_given_up(publisher, clock):
    ticks = iter(range(0, 10_000, 400))
    with pytest.raises(SourceError, match="did not finish its answer within 300 seconds, 2 times"):
        clock.client(clock=lambda: next(ticks), patience=300, attempts=2).send(Request(publisher.base + GET))


@pytest.mark.parametrize("address", ["http://api.statbank.dk/v1", "ftp://127.0.0.1/x", "file:///etc/passwd", "api.statbank.dk"])
def test_only_verified_connections_are_made(address):
    with pytest.raises(SourceError, match="is not https"):
        Client().send(Request(address))


def test_a_certificate_that_does_not_hold_ends_it(monkeypatch, clock):
    import ssl
    import urllib.error

    fault = ssl.SSLCertVerificationError(1, "x")
    fault.verify_message = "self-signed certificate"

    class Broken:
        def open(self, *parts, **more):
            raise urllib.error.URLError(fault)

    monkeypatch.setattr("gvi_eval.sources.http._opener", lambda host: Broken())
    with pytest.raises(SourceError, match=r"the certificate of api.statbank.dk does not hold \(self-signed certificate\)"):
        clock.client().send(Request("https://api.statbank.dk/v1"))
    assert clock.waited == []


def test_certificates_and_host_names_are_verified():
    import ssl

    from gvi_eval.sources.http import _certificates

    assert _certificates().verify_mode is ssl.CERT_REQUIRED and _certificates().check_hostname


def test_a_host_that_cannot_be_reached_is_named(clock):
    with pytest.raises(SourceError, match=r"127.0.0.1:1 could not be reached \(.*refused.*\), 2 times"):
        clock.client(attempts=2).send(Request("http://127.0.0.1:1/"))
