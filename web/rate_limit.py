"""How often one client may ask the API; off unless the setting says. Counting is done by the library `limits`.

A client is an address as `web.mount` makes out, of IPv6 the network of 64 bits that a household or server is given.
Requests are counted in windows that begin with a client's first request. Every answer says what is left, in the fields
`RateLimit` and `RateLimit-Policy` of the IETF's draft (draft-ietf-httpapi-ratelimit-headers-10).
"""

import logging
import math
import threading
import time
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from flask import Flask, Response, g, request
from limits import RateLimitItem, parse_many
from limits.errors import ConfigurationError
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from index.errors import UsageError
from index.settings import Settings
from web.errors import Refusal
from web.problems import TOO_MANY_REQUESTS

_log = logging.getLogger(__name__)

ASIDE_S = 10.0
"""For which a storage that failed is left alone, and requests are counted in memory."""

TIMEOUT_S = 0.5
"""For which Redis is waited for; its address may name other times. Other storages have times of their own."""

SWEPT_S = 60.0
"""After so long, counts in memory whose window has ended are looked for and forgotten."""

_MEMORY = "memory://"
_HOUSEHOLD_BITS = 64
_LEFT = "broadsheet_rate_limit"


@dataclass(frozen=True, slots=True)
class Left:
    """What one limit leaves to a client after a request.

    Attributes:
        name: of the limit, such as "minute" or "5 minute".
        quota: requests in a window; `window_s` is its length.
        remaining: requests until the window ends, `reset_s` from now, at least 1.
        exceeded: whether this request was one too many.
    """

    name: str
    quota: int
    window_s: int
    remaining: int
    reset_s: int
    exceeded: bool


class Memory(Storage):
    """Counts in this process's memory; safe to share between threads.

    The library's own begins a thread with each request, which looks at every client: with 100,000 of them that is 8 ms
    of computing a request.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}  # and when the window ends, in seconds of Unix time
        self._swept = time.time()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = time.time()
        with self._lock:
            if not self._swept <= now < self._swept + SWEPT_S:
                self._counts = {key: found for key, found in self._counts.items() if found[1] > now}
                self._swept = now
            count, end = self._counts.get(key, (0, 0.0))
            if end <= now:
                count, end = 0, now + expiry
            self._counts[key] = count + amount, end
        return count + amount

    def get(self, key: str) -> int:
        count, end = self._counts.get(key, (0, 0.0))
        return count if end > time.time() else 0

    def get_expiry(self, key: str) -> float:
        return self._counts.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        return True

    def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    def reset(self) -> int:
        with self._lock:
            forgotten, self._counts = len(self._counts), {}
        return forgotten

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError  # it raises none


class Limiter:
    """Counts requests by client; safe to share between threads."""

    def __init__(self, limits: list[RateLimitItem], storage: Storage) -> None:
        self._limits = limits
        self._counter = FixedWindowRateLimiter(storage)
        self._spare = FixedWindowRateLimiter(Memory())
        self._aside_until = 0.0

    def take(self, client: str) -> list[Left]:
        """Count one request; a storage that fails is replaced by memory for a while and stops nothing."""
        if time.monotonic() >= self._aside_until:
            try:
                return self._take(self._counter, client)
            except Exception as error:  # whatever the storage's own library raises
                self._aside_until = time.monotonic() + ASIDE_S
                _log.warning("requests are counted in memory for %d s: %s", ASIDE_S, error)
        return self._take(self._spare, client)

    def _take(self, counter: FixedWindowRateLimiter, client: str) -> list[Left]:
        return [_left(limit, counter, client) for limit in self._limits]


def _left(limit: RateLimitItem, counter: FixedWindowRateLimiter, client: str) -> Left:
    granted = counter.hit(limit, client)
    window = counter.get_window_stats(limit, client)
    multiple = f"{limit.multiples} " if limit.multiples > 1 else ""
    return Left(
        name=multiple + limit.GRANULARITY.name,
        quota=limit.amount,
        window_s=limit.get_expiry(),
        remaining=max(0, window.remaining),
        reset_s=max(1, math.ceil(window.reset_time - time.time())),
        exceeded=not granted,
    )


def read_limiter(settings: Settings) -> Limiter | None:
    """What counts by the settings `rate_limit` and `rate_limit_storage`; None where there is no limit.

    Raises:
        UsageError: one of them makes no sense, or the storage's library is not installed.
    """
    if not settings.rate_limit.strip():
        return None
    try:
        limits = parse_many(settings.rate_limit)
        if not all(limit.amount for limit in limits):
            raise ValueError("a limit of nothing")
    except ValueError as error:
        message = (
            f"setting 'rate_limit': {settings.rate_limit!r} is not a limit such as 100/minute or 5/second;1000/day"
        )
        raise UsageError(message, setting="rate_limit") from error
    address = settings.rate_limit_storage
    over_network = address.startswith(("redis", "valkey"))
    timeouts = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S} if over_network else {}
    try:
        storage = Memory() if address == _MEMORY else storage_from_string(address, **timeouts)
    except (ConfigurationError, ValueError) as error:
        raise _no_storage(address) from error
    if not isinstance(storage, Storage):  # an asynchronous one
        raise _no_storage(address)
    return Limiter(limits, storage)


def _no_storage(address: str) -> UsageError:
    """Says so without a password, which the address may hold."""
    shown = repr(address) if "@" not in address else "its value"
    message = f"setting 'rate_limit_storage': {shown} is not an address that can be used, such as memory:// or"
    return UsageError(f"{message} redis://localhost:6379 (with `pip install redis`)", setting="rate_limit_storage")


def client_of(address: str) -> str:
    """What one client's requests have in common."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> _HOUSEHOLD_BITS << _HOUSEHOLD_BITS))


def register_rate_limit(app: Flask, settings: Settings) -> None:
    """Limit what one client may ask of the API.

    Raises:
        UsageError: the settings make no sense.
    """
    limiter = read_limiter(settings)
    if limiter is None:
        return

    @app.before_request
    def count() -> None:
        if not request.path.startswith("/api/") or request.method == "OPTIONS":
            return
        left = limiter.take(client_of(request.remote_addr or ""))
        setattr(g, _LEFT, left)
        wait_s = max((one.reset_s for one in left if one.exceeded), default=0)
        if wait_s:
            detail = f"This is one request too many; there will be room for more in {wait_s} s."
            raise Refusal(TOO_MANY_REQUESTS, detail, {"Retry-After": str(wait_s)})

    @app.after_request
    def tell(response: Response) -> Response:
        left: list[Left] = g.get(_LEFT, [])
        if left:
            response.headers["RateLimit-Policy"] = ", ".join(
                f'"{one.name}";q={one.quota};w={one.window_s}' for one in left
            )
            response.headers["RateLimit"] = ", ".join(f'"{one.name}";r={one.remaining};t={one.reset_s}' for one in left)
        return response
