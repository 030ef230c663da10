"""The `context` that handlers may take: what came with a request, what goes with its answer."""

from collections.abc import Mapping
from typing import Any


class RequestProcessor:
    """One request's headers, and the status and headers of its answer."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)
        self._answered: dict[str, str] = {}
        self._status: tuple[int, str | None] = (200, None)

    def get_request_property(self, key: str) -> str | None:
        """The header `key`, however it is capitalised."""
        found = self._headers.get(key)
        if found is not None:
            return found
        return next((v for k, v in self._headers.items() if k.lower() == key.lower()), None)

    def get_request_properties(self) -> dict[str, str]:
        return self._headers

    def report_status(self, code: int, reason_phrase: str | None = None) -> None:
        self._status = (code, reason_phrase)

    def get_response_status_code(self) -> int:
        return self._status[0]

    def get_response_status_phrase(self) -> str | None:
        return self._status[1]

    def add_response_property(self, key: str, value: str) -> None:
        self._answered[key] = value

    def get_response_headers(self) -> dict[str, str]:
        return self._answered

    def get_response_header(self, key: str) -> str | None:
        return self._answered.get(key)


class Context:
    """One for a process; `begin` makes it that of the next request. `idx` is always 0."""

    def __init__(self, model_name: str, model_dir: str, gpu: int | None) -> None:
        self.model_name = model_name
        self.manifest: dict[str, Any] = {}
        self.metrics = None
        self.system_properties = {
            "model_dir": model_dir,
            "gpu_id": gpu,
            "batch_size": 1,
            "server_name": "MMS",
            "server_version": "breedline",
            "limit_max_image_pixels": True,
        }
        self.request_ids: dict[int, str] | None = None
        self.request_processor: list[RequestProcessor] | None = None

    def begin(self, request_id: str, headers: Mapping[str, str]) -> RequestProcessor:
        self.request_ids = {0: request_id}
        self.request_processor = [RequestProcessor(headers)]
        return self.request_processor[0]

    def _at(self, idx: int) -> RequestProcessor:
        if self.request_processor is None:
            raise RuntimeError("There is no request yet: the model is being loaded.")
        return self.request_processor[idx]

    def get_request_id(self, idx: int = 0) -> str | None:
        return self.request_ids.get(idx) if self.request_ids else None

    def get_request_header(self, idx: int, key: str) -> str | None:
        return self._at(idx).get_request_property(key)

    def get_all_request_header(self, idx: int) -> dict[str, str]:
        return self._at(idx).get_request_properties()

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.set_response_header(idx, "content-type", value)

    def get_response_content_type(self, idx: int) -> str | None:
        return self.get_response_headers(idx).get("content-type")

    def get_response_status(self, idx: int) -> tuple[int, str | None]:
        processor = self._at(idx)
        return processor.get_response_status_code(), processor.get_response_status_phrase()

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        if self.request_processor is not None:
            self._at(idx).report_status(code, phrase)

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        self._at(0).report_status(code, phrase)

    def get_response_headers(self, idx: int) -> dict[str, str]:
        return self._at(idx).get_response_headers()

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self._at(idx).add_response_property(key, value)
