"""A w3up service: where it is, who it is, and how to speak with it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from anacostia_blockchain.errors import (
    AccessDeniedError,
    ClockError,
    ConfigError,
    NotFoundError,
    StorageError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage.http import (
    origin,
    refuse_address,
    refuse_packed,
    refuse_private,
)
from anacostia_blockchain.storage.web3storage.capability import Capability
from anacostia_blockchain.storage.web3storage.identity import Signer, did_bytes
from anacostia_blockchain.storage.web3storage.messages import (
    CONTENT_TYPE,
    Receipt,
    read_receipt,
    write_request,
)
from anacostia_blockchain.storage.web3storage.ucan import Delegation, invoke

MAX_ANSWER = 64 << 20
"""Bytes of a message or index; larger answers are cut off and refused."""

_TIMEOUT = httpx.Timeout(60, connect=10)
_TRIES = 3
_CLOCKS_APART = 60.0
_RECEIPT_PATIENCE = 30.0
_SETTINGS = ("url", "did", "key", "gateway", "indexer", "receipts")


@dataclass(frozen=True, slots=True)
class Service:
    """A service that speaks w3up. There is no default: the hosted one has ended.

    Attributes:
        url: where invocations go.
        did: who it is, for instance `did:web:up.example.org`.
        key: the `did:key` that its receipts are signed with; may be left out if `did` is one.
        gateway: URL of a trustless gateway that serves its content, if any.
        indexer: URL of the indexing service that knows where its content is, if any.
        receipts: URL below which receipts are; `<url>/receipt` if not given.

    Raises:
        ConfigError: a URL is none, a DID is none, or the key is missing.
    """

    url: str
    did: str
    key: str = ""
    gateway: str = ""
    indexer: str = ""
    receipts: str = ""

    def __post_init__(self) -> None:
        for name in ("url", "gateway", "indexer", "receipts"):
            value = getattr(self, name)
            if (value or name == "url") and not _is_web(value):
                raise ConfigError(f"{name} of the w3up service is not an http(s) URL: {value!r}")
            object.__setattr__(self, name, value.rstrip("/"))
        did_bytes(self.did)
        if not self.key and self.did.startswith("did:key:"):
            object.__setattr__(self, "key", self.did)
        if not self.key.startswith("did:key:"):
            raise ConfigError(
                f"the key of {self.did} is missing: without it no receipt can be checked; "
                "it is the did:key that the service's operator publishes"
            )
        did_bytes(self.key)
        if not self.receipts:
            object.__setattr__(self, "receipts", self.url + "/receipt")

    @property
    def addresses(self) -> list[str]:
        """The URLs that were configured."""
        return [url for url in (self.url, self.gateway, self.indexer, self.receipts) if url]

    @classmethod
    def from_env(cls) -> Service:
        """Read `ANACOSTIA_W3UP_SERVICE_URL`, `…_DID`, `…_KEY` and so on, named like the attributes.

        Raises:
            ConfigError: URL or DID is not set.
        """
        variables = {name: f"ANACOSTIA_W3UP_SERVICE_{name.upper()}" for name in _SETTINGS}
        values = {name: os.environ.get(variable, "") for name, variable in variables.items()}
        for name in ("url", "did"):
            if not values[name]:
                raise ConfigError(f"set {variables[name]}: there is no default w3up service")
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; header names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Connection:
    """Speaks with a service as one principal; every receipt is checked.

    Args:
        service: with whom.
        principal: as whom.
        proofs: delegations that give the principal its rights.
    """

    service: Service
    principal: Signer
    proofs: Sequence[Delegation] = ()
    _http: httpx.Client = field(init=False, repr=False)
    _local: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._local = _is_private(self.service.url)
        hooks = {"request": [self._check_address]}
        self._http = httpx.Client(
            headers={"accept-encoding": "identity"},
            timeout=_TIMEOUT,
            follow_redirects=False,
            event_hooks=hooks,
        )

    def close(self) -> None:
        """Close idle connections."""
        self._http.close()

    # ------------------------------------------------------------------ invocations

    def invoke(self, can: str, resource: str, arguments: Mapping[str, Any]) -> Receipt:
        """Have the service do something, and check its receipt.

        Raises:
            AccessDeniedError: no delegation covers it, one has expired, or the service refuses.
            ClockError: this machine's clock is off, so that what it signs does not count.
            IntegrityError: the receipt is not the service's, or about something else.
            StoreUnavailableError: no answer, or one that is none.
        """
        self._check_rights(can, resource)
        capability = Capability(can, resource, arguments)
        for attempt in range(_TRIES):
            try:
                # Signed anew each time: what was signed first may expire while one waits.
                task = invoke(self.principal, self.service.did, capability, proofs=self.proofs)
                return self.execute(task)
            except StoreUnavailableError:
                if attempt == _TRIES - 1:
                    raise
                time.sleep(0.2 * 4**attempt)
        raise AssertionError("unreachable")

    def execute(self, task: Delegation) -> Receipt:
        """Send one invocation, once, and check its receipt; see `invoke`."""
        headers = {"content-type": CONTENT_TYPE, "accept": CONTENT_TYPE}
        message = write_request(task)
        answer = self.request("POST", self.service.url + "/", headers=headers, content=message)
        receipt = read_receipt(_car(answer), task.link)
        receipt.verify(task.link, self.service.did, self.service.key)
        try:
            receipt.ok()
        except AccessDeniedError:
            self._check_clock(answer)
            raise
        return receipt

    def receipt(self, task: Delegation) -> Receipt:
        """Wait for the receipt of a task that others carry out, and check it.

        Raises:
            StoreUnavailableError: there is none after half a minute.
            IntegrityError: it is from another than the task was given to.
        """
        deadline, pause = time.monotonic() + _RECEIPT_PATIENCE, 0.1
        while True:
            try:
                answer = self.request("GET", f"{self.service.receipts}/{task.link}")
                receipt = read_receipt(_car(answer), task.link)
            except NotFoundError:
                if time.monotonic() > deadline:
                    raise StoreUnavailableError(
                        f"{self.service.url} has no receipt for {task.link}: try again later"
                    ) from None
            else:
                self.check_receipt(receipt, task)
                return receipt
            time.sleep(pause)
            pause = min(2.0, pause * 2)

    def check_receipt(self, receipt: Receipt, task: Delegation) -> None:
        """Check a receipt of a task that the service gave to somebody, or did itself.

        Raises:
            IntegrityError: it is another's.
        """
        if receipt.issuer in (self.service.did, self.service.key):
            receipt.verify(task.link, self.service.did, self.service.key)
        else:
            receipt.verify(task.link, task.audience, task.audience)

    def _check_rights(self, can: str, resource: str) -> None:
        """Say at once what the service would say, and what to do about it."""
        if resource == self.principal.did:
            return
        own = [proof for proof in self.proofs if proof.audience == self.principal.did]
        covering = [proof for proof in own if proof.allows(can, resource)]
        if not covering:
            raise AccessDeniedError(
                f"no delegation allows {self.principal.did} to do {can} on {resource}: ask the "
                f"space's owner for one (`storacha delegation create {self.principal.did} "
                f"--can {can}`)"
            )
        try:
            for proof in covering:
                proof.check_times()
        except AccessDeniedError:
            self._check_clock(self.request("GET", self.service.url + "/", expect=None))
            raise

    def _check_clock(self, answer: Answer) -> None:
        """Blame the clock if it is the clock."""
        try:
            theirs = parsedate_to_datetime(answer.headers["date"]).timestamp()
        except (KeyError, ValueError, TypeError):
            return
        apart = time.time() - theirs
        if abs(apart) > _CLOCKS_APART:
            way = "ahead of" if apart > 0 else "behind"
            raise ClockError(
                f"this machine's clock is {abs(apart):.0f} seconds {way} {self.service.url}'s, and "
                "nothing that it signs counts there: set the clock"
            )

    # ------------------------------------------------------------------ HTTP

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | Iterable[bytes] | None = None,
        expect: Sequence[int] | None = (200,),
        limit: int = MAX_ANSWER,
    ) -> Answer:
        """One HTTP request, its answer read in full.

        Args:
            method: GET, POST or PUT; only GET follows redirections.
            url: http or https.
            headers: of the request.
            content: its body.
            expect: statuses that count as success; None: all.
            limit: bytes of the answer.

        Raises:
            NotFoundError: 404 or 410.
            AccessDeniedError: 401 or 403.
            StoreUnavailableError: anything else that was not expected.
        """
        where = url.partition("?")[0]  # a signed URL's query is a secret
        if not _is_web(url):
            raise StoreUnavailableError(f"{where[:200]!r} is no http(s) URL")
        with _typed(where):
            answer = self._exchange(
                self._http.build_request(method, url, headers=headers, content=content), limit
            )
        if expect is None or answer.status in expect:
            return answer
        said = f"{where} answers {answer.status}"
        if answer.status in (404, 410):
            raise NotFoundError(said)
        if answer.status in (401, 403):
            raise AccessDeniedError(said)
        raise StoreUnavailableError(f"{said}: try again later, or check the URL")

    def _check_address(self, request: httpx.Request) -> None:
        """Keep a service on the internet from sending us to addresses of our own network.

        Where blobs go and come from is said by services and nodes; redirections pass here too. As a
        name may have another address when it is connected to, that one is looked at as well.
        """
        request.extensions = {k: v for k, v in request.extensions.items() if k != "trace"}
        named = {origin(url) for url in self.service.addresses}
        if not self._local and origin(str(request.url)) not in named:
            refuse_private(str(request.url))
            request.extensions["trace"] = _Connecting(request.url.host)

    def _exchange(self, request: httpx.Request, limit: int) -> Answer:
        got = self._http.send(request, stream=True, follow_redirects=request.method == "GET")
        with closing(got):
            refuse_packed(got.url.host, got.headers)
            body = bytearray()
            for piece in got.iter_raw():
                body += piece
                if len(body) > limit:
                    raise StoreUnavailableError(f"{got.url.host} answers with over {limit} bytes")
        return Answer(got.status_code, got.headers, bytes(body))


class _Connecting:
    """Looks at what httpcore connects to, before anything is sent there.

    Args:
        host: that is asked; where a proxy is connected to, what that does is its own matter.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._direct = False

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self._direct = info["host"] == self._host
        elif event == "connection.connect_tcp.complete" and self._direct:
            stream = info["return_value"]
            try:
                refuse_address(self._host, stream.get_extra_info("server_addr")[0])
            except StorageError:
                stream.close()
                raise


def _car(answer: Answer) -> bytes:
    """A message's bytes: an error page with status 200 is none."""
    kind = answer.headers.get("content-type", "without a type")
    if not kind.startswith(CONTENT_TYPE):
        shown = re.sub(r"[^\x20-\x7e]", "?", kind)[:80]
        raise StoreUnavailableError(
            f"the answer is {shown}, not {CONTENT_TYPE}: is this the address of a w3up service?"
        )
    return answer.body


@contextmanager
def _typed(where: str) -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise StoreUnavailableError(
            f"{where} does not answer, or broke off ({type(error).__name__}): run it again; what "
            "is done is not done twice"
        ) from error


def _is_private(url: str) -> bool:
    """Whether a service is on this machine or its network, where its nodes will be too."""
    try:
        refuse_private(url)
    except StoreUnavailableError:
        return False
    except StorageError:
        return True
    return False


def _is_web(url: str) -> bool:
    return url.startswith(("http://", "https://"))
