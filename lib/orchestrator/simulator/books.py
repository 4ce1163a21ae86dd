"""What every provider received, served, refused and charged."""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from threading import Lock

from .account import Account, Minute
from .bill import Price
from .dialect import Call, Usage
from .document import Document
from .record import Record, shown
from .scenario import PROVIDERS

KEPT_REQUESTS = 10_000
KEPT_TEXTS = 64 * 1024 * 1024


class Books:
    """All requests and accounts; safe for threads."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        """Open empty books with a price list."""
        self._lock = Lock()
        self._prices = prices
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._records: deque[Record] = deque(maxlen=KEPT_REQUESTS)
            self._texts: deque[Record] = deque()
            self._text_size = 0
            self._accounts = {name: Account() for name in PROVIDERS}
            self._reports: deque[Document] = deque(maxlen=KEPT_REQUESTS)

    def minutes(self, provider: str) -> dict[int, Minute]:
        """Return what a provider's account used, by epoch minute."""
        with self._lock:
            minutes = self._accounts[provider].minutes
            return {at: replace(minute) for at, minute in minutes.items()}

    def report(self, path: str, headers: Mapping[str, str], status: int) -> None:
        """Enter a request for a report."""
        with self._lock:
            entry: Document = {"path": path, "headers": shown(headers), "status": status}
            self._reports.append(entry)

    def reports(self) -> list[Document]:
        """Return the requests for reports."""
        with self._lock:
            return list(self._reports)

    def arrive(self, call: Call, path: str, headers: Mapping[str, str], body_bytes: int) -> Record:
        """Enter a request when it arrives; every arrival counts for max_requests_in_60s."""
        record = Record(path, body_bytes, shown(headers), call)
        with self._lock:
            account = self._accounts[call.provider]
            account.arrive(record.monotonic)
            self._keep(record)
        return record

    def refuse(self, record: Record, status: int) -> None:
        """Enter a refusal; nothing is charged."""
        with self._lock:
            record.status = status
            self._accounts[record.call.provider].refused += 1

    def fault(self, record: Record, kind: str, status: int | None = None) -> None:
        """Enter a fault; its status is its kind where nothing more is known."""
        with self._lock:
            record.fault = kind
            record.status = kind if status is None else status
            self._accounts[record.call.provider].faulted += 1

    def serve(self, record: Record) -> None:
        """Enter a success."""
        with self._lock:
            record.status = 200
            self._accounts[record.call.provider].requests += 1

    def charge(self, record: Record, usage: Usage) -> None:
        """Charge what the model did, whether or not the client waits for it."""
        with self._lock:
            record.output_tokens = usage.output_tokens
            account = self._accounts[record.call.provider]
            account.charge(usage, self._prices.get(record.call.model))

    def totals(self) -> Document:
        """Return every provider's account and the cost of all in micro-USD."""
        with self._lock:
            total = sum((account.cost_micro_usd for account in self._accounts.values()), Decimal(0))
            providers = {name: account.document() for name, account in self._accounts.items()}
            return {"providers": providers, "total_cost_micro_usd": round(total)}

    def requests(self, provider: str = "") -> list[Document]:
        """Return the requests of one provider, or of all, in order of arrival."""
        with self._lock:
            return [
                record.document()
                for record in self._records
                if provider in {"", record.call.provider}
            ]

    def _keep(self, record: Record) -> None:
        """Keep the record; the oldest lose their texts when all texts together grow too long."""
        self._records.append(record)
        self._texts.append(record)
        self._text_size += record.text_size
        while self._text_size > KEPT_TEXTS or len(self._texts) > KEPT_REQUESTS:
            oldest = self._texts.popleft()
            self._text_size -= oldest.text_size
            oldest.call = replace(oldest.call, prompt="", system="")
