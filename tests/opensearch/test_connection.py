"""What a person is told where a cluster cannot be used, and that it is used as the settings say."""

import json
import logging
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from clusters import ClusterSettings
from conftest import ROOT
from fronts import Answer, Front, answering, signed_in

from index.errors import BroadsheetError, EngineUnreachableError, UsageError
from index.opensearch.connection import AnsweredError, Cluster
from index.settings import Settings

USER, PASSWORD = "reader", "geheim: 3 €"

Refusing = Callable[..., str]


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    """Makes servers that say the same to everything, and gives their addresses."""
    with ExitStack() as open_servers:

        def make(status: int, body: Any, kind: str = "application/json; charset=UTF-8") -> str:
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            return open_servers.enter_context(answering(Answer(status, sent, kind)))

        yield make


@pytest.fixture
def front(cluster: tuple[str, ...], tmp_path: Path) -> Iterator[Front]:
    with signed_in(cluster[0], USER, PASSWORD, tmp_path) as opened:
        yield opened


def said_of(settings: Settings) -> BroadsheetError:
    """The error that comes of connecting."""
    with pytest.raises(BroadsheetError) as caught:
        connect(settings)
    return caught.value


def connect(settings: Settings) -> None:
    cluster = Cluster(settings)
    try:
        cluster.expect_version()
    finally:
        cluster.close()


def at(*hosts: str, **chosen: Any) -> Settings:
    return Settings(engine="opensearch", opensearch_hosts=hosts, **chosen)


def version(number: str, distribution: str = "opensearch") -> dict[str, Any]:
    return {"version": {"number": number} | ({"distribution": distribution} if distribution else {})}


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (
            401,
            b"Unauthorized",
            "text/plain",
            "OpenSearch at HOST does not know this user; see opensearch_user and opensearch_password",
        ),
        (
            403,
            {
                "error": {
                    "root_cause": [{"type": "security_exception", "reason": "no permissions for [indices:admin/get]"}],
                    "type": "security_exception",
                    "reason": "no permissions for [indices:admin/get]",
                },
                "status": 403,
            },
            "application/json",
            "OpenSearch at HOST does not let this user do that: no permissions for [indices:admin/get]",
        ),
        (
            403,
            b"<html>Forbidden</html>",
            "text/html",
            "OpenSearch at HOST does not let this user do that: status 403, without a reason",
        ),
        (
            200,
            version("2.11.1"),
            "application/json",
            "HOST runs OpenSearch 2.11.1, which is too old: 2.12 or later is needed",
        ),
        (200, version("7.10.2", ""), "application/json", "HOST is not OpenSearch"),
        (200, version("8.17.0", ""), "application/json", "HOST is not OpenSearch"),
        (200, {"version": "3.4"}, "application/json", "HOST is not OpenSearch"),
        (200, ["opensearch"], "application/json", "HOST is not OpenSearch"),
        (200, b"<html>Welcome!</html>", "text/html", "HOST answers, but not as OpenSearch does"),
        (200, b"Welcome!", "text/plain", "HOST is not OpenSearch"),
        (200, b'{"version":', "application/json", "HOST answers, but not as OpenSearch does"),
        (200, b"\xff\xfe\x80", "application/json", "HOST answers, but not as OpenSearch does"),
        (302, b"", "text/html", "HOST does not answer as OpenSearch does, but with status 302"),
        (404, b"<html>Not found</html>", "text/html", "HOST does not answer as OpenSearch does, but with status 404"),
        (502, b"Bad gateway", "text/plain", "HOST does not answer as OpenSearch does, but with status 502"),
    ],
)
def test_what_refuses_is_told_in_a_sentence(refusing: Refusing, status: int, body: Any, kind: str, said: str) -> None:
    host = refusing(status, body, kind)
    error = said_of(at(host))
    assert str(error) == said.replace("HOST", host)
    assert isinstance(error, EngineUnreachableError)
    assert error.exit_code == 5


@pytest.mark.parametrize("number", ["2.12.0", "3.4.0", "3.4.0-SNAPSHOT", "10.0.0"])
def test_versions_that_serve(refusing: Refusing, number: str) -> None:
    connect(at(refusing(200, version(number))))


def test_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    error = said_of(at(f"127.0.0.1:{port}", f"http://localhost:{port}"))
    assert str(error) == (
        f"OpenSearch cannot be reached at http://127.0.0.1:{port}, http://localhost:{port}; is it running?"
    )
    assert error.exit_code == 5


def test_who_says_nothing_is_not_waited_for_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        cluster = Cluster(at(host))
        with pytest.raises(EngineUnreachableError, match="does not answer in time"):
            cluster.ask("GET", "/", timeout_s=0.1)
        cluster.close()


@pytest.mark.parametrize(
    "host", ["", "ftp://a", "http://", "http://a:port", "http://[::1", "http://a:99999", "//", "u:geheim@a:port"]
)
def test_an_address_that_is_none(host: str) -> None:
    error = said_of(at(host))
    assert isinstance(error, UsageError)
    assert error.setting == "opensearch_hosts"
    assert str(error).endswith("is no address such as http://127.0.0.1:9200")
    assert "geheim" not in str(error)
    assert error.exit_code == 2


def test_no_address() -> None:
    assert str(said_of(at())) == "setting 'opensearch_hosts': name at least one address"


def test_a_password_has_no_place_in_an_address() -> None:
    error = said_of(at("https://reader:geheim@search.example"))
    assert (
        str(error)
        == "setting 'opensearch_hosts': user and password belong into opensearch_user and opensearch_password"
    )


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("search.example", "http://search.example:9200"),
        ("search.example:80", "http://search.example:80"),
        ("https://search.example", "https://search.example:443"),
        ("https://search.example/os/", "https://search.example:443/os"),
        ("http://[::1]", "http://[::1]:9200"),
    ],
)
def test_what_is_left_out_of_an_address(given: str, asked: str) -> None:
    cluster = Cluster(at(given))
    assert cluster.name == asked
    cluster.close()


def test_a_certificate_nobody_vouches_for(front: Front) -> None:
    error = said_of(at(front.address, opensearch_user=USER, opensearch_password=PASSWORD))
    assert str(error) == (
        f"the certificate of {front.address} is not trusted; name the one it is signed by in opensearch_ca"
    )
    assert error.exit_code == 5


def test_a_certificate_for_another_name(cluster: tuple[str, ...], tmp_path: Path) -> None:
    with signed_in(cluster[0], USER, PASSWORD, tmp_path, name="search.example") as front:
        error = said_of(at(front.address, opensearch_ca=str(front.ca)))
    assert str(error) == f"the certificate of {front.address} is for another name or address"


def test_tls_where_there_is_none(cluster: tuple[str, ...]) -> None:
    host = cluster[0].replace("http://", "https://")
    assert str(said_of(at(host))) == f"{host} does not speak TLS as it should; is it http:// there?"


def test_certificates_that_are_not_there(tmp_path: Path) -> None:
    error = said_of(at("https://127.0.0.1", opensearch_ca=str(tmp_path / "ca.pem")))
    assert str(error) == f"setting 'opensearch_ca': there is no file {tmp_path / 'ca.pem'}"
    assert error.exit_code == 2


def test_certificates_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    error = said_of(at("https://127.0.0.1", opensearch_ca=str(tmp_path / "ca.pem")))
    assert str(error) == f"setting 'opensearch_ca': no certificates can be read from {tmp_path / 'ca.pem'}"
    assert isinstance(error, UsageError)


@pytest.mark.parametrize(("user", "password"), [(USER, "wrong"), ("", ""), ("someone", PASSWORD)])
def test_a_user_that_is_not_known(front: Front, user: str, password: str) -> None:
    error = said_of(at(front.address, opensearch_ca=str(front.ca), opensearch_user=user, opensearch_password=password))
    assert str(error) == (
        f"OpenSearch at {front.address} does not know this user; see opensearch_user and opensearch_password"
    )


def test_a_user_with_password_over_tls_is_served(front: Front, cluster_settings: ClusterSettings) -> None:
    settings = cluster_settings(
        opensearch_hosts=(front.address,),
        opensearch_ca=str(front.ca),
        opensearch_user=USER,
        opensearch_password=PASSWORD,
    )
    connect(settings)
    cluster = Cluster(settings)
    name = settings.opensearch_index
    assert cluster.ask("PUT", f"/{name}")["acknowledged"]
    cluster.ask("PUT", f"/{name}/_doc/1", {"text": "café"}, {"refresh": "true"})
    assert cluster.ask("GET", f"/{name}/_source/1") == {"text": "café"}
    with pytest.raises(AnsweredError, match="already exists") as caught:
        cluster.ask("PUT", f"/{name}")
    assert (caught.value.status, caught.value.kind) == (400, "resource_already_exists_exception")
    cluster.close()


def test_no_message_or_log_tells_the_password(
    front: Front, refusing: Refusing, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("", "opensearch", "opensearch.trace", "urllib3", "index", "search", "web")
    with ExitStack() as levels:
        for name in names:
            levels.enter_context(caplog.at_level(logging.DEBUG, name or None))
        known = {"opensearch_user": USER, "opensearch_password": PASSWORD}
        settings = at(front.address, opensearch_ca=str(front.ca), **known)
        connect(settings)
        hosts = (front.address, refusing(401, {}), refusing(403, {}), refusing(500, {}), refusing(200, b"<"))
        said = [repr(settings), *(str(said_of(at(host, **known))) for host in hosts)]
    assert caplog.records
    told = caplog.text + "".join(said) + "".join(str(record.__dict__) for record in caplog.records)
    sent = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert not [secret for secret in (PASSWORD, "geheim", sent) if secret in told]


def test_one_node_of_several_may_be_gone(cluster: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        gone = f"http://127.0.0.1:{unused.getsockname()[1]}"
    asked = Cluster(at(gone, *cluster))
    for _ in range(8):
        asked.expect_version()
    asked.close()


def test_the_client_that_is_not_installed_is_named() -> None:
    program = (
        "import sys; sys.modules['opensearchpy'] = None\n"
        "from index.errors import UsageError\n"
        "try:\n"
        "    import index.opensearch.connection\n"
        "except UsageError as error:\n"
        "    print(error)\n"
        "    sys.exit(error.exit_code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == ("engine = opensearch needs the client of OpenSearch: pip install 'broadsheet[opensearch]'\n")
    assert done.returncode == 2
