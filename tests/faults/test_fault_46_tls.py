"""Row 46: certificates that must not be trusted; nothing is sent, and nothing is booked."""

import re
import socket
import ssl
import subprocess
import threading

import pytest

from orchestrator import clock
from orchestrator.errors import TryLaterError
from orchestrator.providers import usage_apis
from orchestrator.providers.usage_report import Wanted

DAY = "20200101000000Z"
NEXT_DAY = "20200102000000Z"
SETTINGS = """
[ca]
default_ca = ours
[ours]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = leaf
copy_extensions = none
[any]
commonName = supplied
[leaf]
subjectAltName = $ENV::ALTERNATIVE
"""


def openssl(folder, *words, name="IP:127.0.0.1"):
    subprocess.run(
        ["openssl", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "ALTERNATIVE": name},
        check=True,
        capture_output=True,
    )


def new(folder, kind, *words):
    """Make a key and what is to be signed, or with -x509 a certificate that signs itself."""
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    out = f"{kind}.pem" if "-x509" in words else f"{kind}.csr"
    named = ("-subj", f"/CN={kind}", "-keyout", f"{kind}.key", "-out", out)
    openssl(folder, "req", *curve, *words, *named)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Certificates of an authority of our own: good, expired, another host's; one signs itself."""
    folder = tmp_path_factory.mktemp("certificates of ours")
    (folder / "ca.cnf").write_text(SETTINGS, encoding="ascii")
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01", encoding="ascii")
    new(folder, "ca", "-x509", "-days", "2")
    new(folder, "self-signed", "-x509", "-days", "2", "-addext", "subjectAltName=IP:127.0.0.1")
    authority = ("-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key")
    for kind, name, dates in (
        ("good", "IP:127.0.0.1", ("-days", "2")),
        ("expired", "IP:127.0.0.1", ("-startdate", DAY, "-enddate", NEXT_DAY)),
        ("wrong-host", "DNS:api.openai.com", ("-days", "2")),
    ):
        new(folder, kind)
        files = ("-in", f"{kind}.csr", "-out", f"{kind}.pem")
        openssl(folder, "ca", "-batch", "-notext", *authority, *dates, *files, name=name)
    return folder


def whole_request(connection):
    """Read head and body: closing with bytes unread would reset the answer away."""
    head, body = b"", b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65_536)
    head, _, body = head.partition(b"\r\n\r\n")
    told = re.search(rb"(?i)content-length: (\d+)", head)
    length = int(told[1]) if told else 0
    while len(body) < length:
        body += connection.recv(65_536)
    return head + body


@pytest.fixture
def secured(certificates):
    """Serve a refusal over TLS with the named certificate; `heard` is what came in clear."""
    listening = socket.create_server(("127.0.0.1", 0))
    heard, contexts = [], []

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            try:
                with contexts[0].wrap_socket(connection, server_side=True) as secure:
                    secure.settimeout(5)
                    heard.append(whole_request(secure))
                    secure.sendall(b"HTTP/1.1 418 Teapot\r\ncontent-length: 0\r\n\r\n")
            except OSError:
                connection.close()

    def start(kind):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / f"{kind}.pem", certificates / f"{kind}.key")
        contexts.append(context)
        return f"https://127.0.0.1:{listening.getsockname()[1]}/v1"

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield start, heard
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def test_row_46_a_good_certificate_of_a_trusted_authority_is_answered(alone, secured, certificates):
    start, heard = secured
    trusted = {"SSL_CERT_FILE": str(certificates / "ca.pem")}
    run = alone("codex", environment={"OPENAI_BASE_URL": start("good"), **trusted})
    assert run.attempts[0]["error_class"] == "INVALID_INPUT", run
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("expired", "expired"),
        ("wrong-host", "mismatch"),
        ("self-signed", "self-signed"),
    ],
)
def test_row_46_a_bad_certificate_fails_closed_and_costs_nothing(
    alone, place, secured, certificates, kind, words
):
    start, heard = secured
    trusted = {"SSL_CERT_FILE": str(certificates / "ca.pem")}
    run = alone("codex", environment={"OPENAI_BASE_URL": start(kind), **trusted})
    assert run.code == 5, run
    assert {a["error_class"] for a in run.attempts} == {"NETWORK"}
    assert words in run.attempts[0]["error"].replace("self signed", "self-signed")
    assert heard == []
    assert run.metrics["cost_actual"] == 0.0
    assert place.usage("codex")["cost_today"] == 0.0


def test_row_46_an_authority_nobody_named_is_not_trusted(alone, secured):
    start, heard = secured
    run = alone("codex", environment={"OPENAI_BASE_URL": start("good")})
    assert (run.code, run.attempts[0]["error_class"]) == (5, "NETWORK"), run
    assert heard == []


def test_row_46_a_file_of_authorities_that_is_not_there_fails_closed(alone, secured, tmp_path):
    start, heard = secured
    gone = {"SSL_CERT_FILE": str(tmp_path / "gone.pem")}
    run = alone("codex", environment={"OPENAI_BASE_URL": start("good"), **gone})
    assert (run.code, run.attempts[0]["error_class"]) == (5, "NETWORK"), run
    assert "gone.pem" in run.attempts[0]["error"]
    assert heard == []


def ask_usage(url, certificates):
    """Ask a usage API for the tokens of a day, with an admin key."""
    api = {"format": "openai", "account": "a", "key_env": ["ADMIN"], "usage_url": url}
    environment = {"ADMIN": "an admin key", "SSL_CERT_FILE": str(certificates / "ca.pem")}
    now_ms = clock.now_ms()
    rows = [Wanted("tokens", None, "day", now_ms - 3_600_000, now_ms, days=True)]
    return usage_apis.read(api, rows, environment, 10.0)


def test_row_46_an_admin_key_goes_to_a_trusted_certificate(secured, certificates):
    start, heard = secured
    with pytest.raises(TryLaterError, match="HTTP 418"):
        ask_usage(start("good"), certificates)
    assert b"an admin key" in heard[0]


@pytest.mark.parametrize("kind", ["expired", "wrong-host", "self-signed"])
def test_row_46_an_admin_key_goes_to_no_bad_certificate(secured, certificates, kind):
    start, heard = secured
    with pytest.raises(TryLaterError, match="TLS failed"):
        ask_usage(start(kind), certificates)
    assert heard == []
