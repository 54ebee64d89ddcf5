"""The connection to an OpenSearch cluster, and what its refusals mean to a person.

Nodes are asked in turn; one that does not answer is left out for a while and the request goes to the next, so one node
may be lost at any moment. Every request here may be sent twice without harm.
"""

import logging
import re
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson

from index.errors import EngineUnreachableError, UsageError
from index.settings import Settings

try:
    import opensearchpy
    from opensearchpy import exceptions
except ImportError as error:
    raise UsageError(
        "engine = opensearch needs the client of OpenSearch: pip install 'broadsheet[opensearch]'", setting="engine"
    ) from error

LEAST_VERSION = (2, 12)
"""The tests run on 3.4; older ones than this lack what the mapping or the queries need."""

Json = dict[str, Any]

_TIMEOUT_S = 30.0
_AT_ONCE = 32  # connections to a node that are kept
_NAME = re.compile(
    r"[a-z0-9][a-z0-9._-]{0,199}"
)  # of OpenSearch's names the plain ones: no pattern, no list of several

logging.getLogger("opensearch").setLevel(logging.ERROR)  # it warns of every answer but 2xx, which we tell ourselves


class _Serializer(opensearchpy.serializer.JSONSerializer):
    def loads(self, s: str | bytes) -> Any:
        try:
            return orjson.loads(s)
        except orjson.JSONDecodeError as error:
            raise exceptions.SerializationError(s, error) from error


class AnsweredError(Exception):
    """An answer that a caller here may know what to do about; never leaves `index` and `search`.

    Attributes:
        status: of HTTP.
        kind: OpenSearch's name of the error ("resource_not_found_exception").
        causes: names of the errors that it comes of, on shards too.
    """

    def __init__(self, status: int, kind: str, causes: frozenset[str], reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.kind = kind
        self.causes = causes


class Cluster:
    """A cluster as the settings name it; safe to share between threads.

    Attributes:
        index: the alias that is served.
    """

    def __init__(self, settings: Settings, timeout_s: float = _TIMEOUT_S) -> None:
        """Connect to nothing yet.

        Args:
            settings: see `index.settings`.
            timeout_s: how long a node may take for an answer before another is asked, where a question does not say.

        Raises:
            UsageError: an address that is none, a name that no index may have, or certificates that cannot be read.
        """
        self.index = settings.opensearch_index
        if not _NAME.fullmatch(self.index):
            raise UsageError(
                f"setting 'opensearch_index': {self.index!r} cannot be the name of an index; "
                "take small letters, digits, '-', '_' and '.'",
                setting="opensearch_index",
            )
        self._hosts = [_host(address) for address in settings.opensearch_hosts]
        if not self._hosts:
            raise UsageError("setting 'opensearch_hosts': name at least one address", setting="opensearch_hosts")
        self._client = opensearchpy.OpenSearch(
            self._hosts,
            headers=_signed_in(settings.opensearch_user, settings.opensearch_password),
            ssl_context=_trust(settings.opensearch_ca),
            serializer=_Serializer(),
            timeout=timeout_s,
            max_retries=max(3, len(self._hosts)),
            retry_on_timeout=True,
            pool_maxsize=_AT_ONCE,
            http_compress=False,
        )

    @property
    def name(self) -> str:
        """The first node as a person knows it."""
        return self._hosts[0]

    def expect_version(self) -> None:
        """See that the cluster answers and is one that can serve.

        Raises:
            EngineUnreachableError: as `ask`; it is too old, or something else than OpenSearch.
        """
        try:
            version = self.ask("GET", "/").get("version")
        except AnsweredError as error:
            raise EngineUnreachableError(
                f"{self.name} does not answer as OpenSearch does, but with status {error.status}"
            ) from error
        if not isinstance(version, dict) or version.get("distribution") != "opensearch":
            raise EngineUnreachableError(f"{self.name} is not OpenSearch")
        number = str(version.get("number", ""))
        numbers = tuple(int(part) for part in number.split(".")[:2] if part.isdecimal())
        if numbers < LEAST_VERSION:
            least = ".".join(map(str, LEAST_VERSION))
            raise EngineUnreachableError(
                f"{self.name} runs OpenSearch {number}, which is too old: {least} or later is needed"
            )

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> Json:
        """The answer to one request.

        Raises:
            EngineUnreachableError: no node answers, or the cluster refuses whoever asks; the text says what to do.
            AnsweredError: anything else but 2xx.
        """
        with self.translated():
            answer = self._client.transport.perform_request(method, path, params=params, body=body, timeout=timeout_s)
        return answer if isinstance(answer, dict) else {}

    @contextmanager
    def translated(self) -> Iterator[None]:
        """What the client library raises inside, told as `ask` tells it."""
        try:
            yield
        except exceptions.SSLError as error:
            raise EngineUnreachableError(_refused_certificate(self.name, str(error))) from error
        except exceptions.ConnectionTimeout as error:
            raise EngineUnreachableError(f"OpenSearch at {self.name} does not answer in time") from error
        except exceptions.ConnectionError as error:
            if isinstance(error.info, UnicodeDecodeError):
                raise EngineUnreachableError(f"{self.name} answers, but not as OpenSearch does") from error
            raise EngineUnreachableError(
                f"OpenSearch cannot be reached at {', '.join(self._hosts)}; is it running?"
            ) from error
        except exceptions.AuthenticationException as error:
            raise EngineUnreachableError(
                f"OpenSearch at {self.name} does not know this user; see opensearch_user and opensearch_password"
            ) from error
        except exceptions.AuthorizationException as error:
            answered = _answered(error)
            if "block" in answered.kind or "block" in str(answered):  # an index that must not be written to
                raise answered from error
            raise EngineUnreachableError(
                f"OpenSearch at {self.name} does not let this user do that: {answered}"
            ) from error
        except exceptions.SerializationError as error:
            raise EngineUnreachableError(f"{self.name} answers, but not as OpenSearch does") from error
        except exceptions.TransportError as error:
            raise _answered(error) from error

    def close(self) -> None:
        """Close all connections."""
        self._client.close()


def _host(address: str) -> str:
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        port = parts.port or (443 if parts.scheme == "https" else 9200)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(
            f"setting 'opensearch_hosts': {_shown(address)!r} is no address such as http://127.0.0.1:9200",
            setting="opensearch_hosts",
        )
    if "@" in parts.netloc:  # addresses are shown and logged
        raise UsageError(
            "setting 'opensearch_hosts': user and password belong into opensearch_user and opensearch_password",
            setting="opensearch_hosts",
        )
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{name}:{port}{parts.path.rstrip('/')}"


def _shown(address: str) -> str:
    """An address without the user and password that it may hold."""
    before, sign, after = address.rpartition("@")
    scheme, divider, _ = before.partition("://")
    return f"{scheme if divider else 'http'}://{after}" if sign else address


def _trust(path: str) -> ssl.SSLContext | None:
    """What certificates are checked by; None for what the client library does by itself."""
    if not path:
        return None
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:  # also where it holds no certificate
        why = "there is no file" if isinstance(error, FileNotFoundError) else "no certificates can be read from"
        raise UsageError(f"setting 'opensearch_ca': {why} {path}", setting="opensearch_ca") from error


def _signed_in(user: str, password: str) -> dict[str, str]:
    """The headers that tell who asks. The client library would write them in Latin-1, OpenSearch reads UTF-8."""
    if not user:
        return {}
    return {"authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def _refused_certificate(name: str, reason: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" not in reason:
        return f"{name} does not speak TLS as it should; is it http:// there?"
    if "mismatch" in reason or "not valid for" in reason:
        return f"the certificate of {name} is for another name or address"
    if "expired" in reason:
        return f"the certificate of {name} has expired"
    return f"the certificate of {name} is not trusted; name the one it is signed by in opensearch_ca"


def _answered(error: exceptions.TransportError) -> AnsweredError:
    status = error.status_code if isinstance(error.status_code, int) else 0
    info = error.info if isinstance(error.info, dict) else {}
    told = info.get("error")
    described = told if isinstance(told, dict) else {"reason": told} if isinstance(told, str) else {}
    causes = [*described.get("root_cause", []), *_failures(info), *_failures(described)]
    names = frozenset(str(cause.get("type", "")) for cause in causes if isinstance(cause, dict))
    reason = described.get("reason") or f"status {status}, without a reason"
    deepest = next((cause["reason"] for cause in causes if isinstance(cause, dict) and cause.get("reason")), reason)
    return AnsweredError(status, str(described.get("type", "")), names, str(deepest))


def _failures(described: Mapping[str, Any]) -> list[Any]:
    failed = described.get("failed_shards") or described.get("_shards", {}).get("failures", [])
    return [failure.get("reason") for failure in failed if isinstance(failure, dict)]
