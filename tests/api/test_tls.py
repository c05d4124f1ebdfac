"""TLS: certificates are checked, and a wrong one isn't asked again."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path as FilePath

import pytest
import requests

from appservice_api import HTTPAPI, MatrixConnectionError, Path

x509 = pytest.importorskip("cryptography.x509", reason="Synapse brings it: the extra demo")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b'{"versions":["over TLS"]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def certificate(tmp_path: FilePath) -> FilePath:
    """A file with a key and a certificate for 127.0.0.1, signed by itself."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hs.test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def base_url(certificate: FilePath, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A homeserver with that certificate; no bundle of the environment is preferred."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # refused handshakes
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_of_a_bundle(base_url: str, certificate: FilePath) -> None:
    with HTTPAPI(base_url) as api:
        api.session.verify = str(certificate)
        for _ in range(3):
            assert api.request("GET", Path.versions) == {"versions": ["over TLS"]}


def test_a_bundle_of_the_environment(
    base_url: str, certificate: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with HTTPAPI(base_url) as api:
        assert api.request("GET", Path.versions) == {"versions": ["over TLS"]}


def test_a_certificate_that_nobody_vouches_for(base_url: str) -> None:
    with HTTPAPI(base_url) as api, pytest.raises(MatrixConnectionError, match="certif") as caught:
        api.request("GET", Path.versions)
    assert caught.value.attempts == 1
    assert not caught.value.temporary
    assert not caught.value.sent


def test_a_connection_of_another_setting_is_not_taken(base_url: str, certificate: FilePath) -> None:
    with HTTPAPI(base_url) as api:
        api.session.verify = str(certificate)
        assert api.request("GET", Path.versions) == {"versions": ["over TLS"]}
        # The one that is idle was checked in another way.
        api.session.verify = True
        with pytest.raises(MatrixConnectionError, match="certif"):
            api.request("GET", Path.versions)
        api.session.verify = str(certificate)
        api.session.cert = "/nowhere.pem"
        with pytest.raises(MatrixConnectionError, match=r"nowhere\.pem"):
            api.request("GET", Path.versions)
        api.session.cert = str(certificate)
        assert api.request("GET", Path.versions) == {"versions": ["over TLS"]}


@pytest.mark.parametrize("plain", [False, True], ids=["our session", "a plain session"])
@pytest.mark.parametrize("setting", ["verify", "cert"])
@pytest.mark.parametrize("content", [None, "", "nonsense"])
def test_a_file_that_cannot_be_used_is_not_tried_again(
    content: str | None, setting: str, plain: bool, base_url: str, tmp_path: FilePath
) -> None:
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_text(content)
    with requests.Session() as session:
        api = HTTPAPI(base_url, client_session=session if plain else None)
        setattr(api.session, setting, str(file))
        with pytest.raises(MatrixConnectionError, match=r"a TLS file .* can't be used") as caught:
            api.request("POST", "/createRoom")
        api.close()
    assert caught.value.attempts == 1
    assert not caught.value.temporary
    assert not caught.value.sent
