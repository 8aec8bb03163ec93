"""A server on loopback that speaks enough of OpenAI's completions interface, answering from tables.

``POST /v1/completions`` takes strings or token ids, echoes log-probabilities or generates; ``POST
/v1/chat/completions`` answers the last message. What it says is in the tables it is given, so a test knows every score
beforehand. Everything else is not found.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BEYOND_THE_PROMPT = -1000.0
"""Log-probability of the one token generated behind an echoed prompt: a client that counts it is found out."""


class Server:
    """`answers` maps a prompt to generated text, `likelihoods` a whole text to its log-probability.

    The tables are looked up by what the prompt ends with being known to the test: a missing entry is an error of the
    test and answered with status 500. `tokenizer` turns token ids into text. `seen` holds (path, request) in order.
    """

    def __init__(
        self, tokenizer: Path, answers: Callable[[str], str] | None, likelihoods: Callable[[str], float] | None
    ) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
        self._answers, self._likelihoods = answers, likelihoods
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[str] = []
        self.url = ""

    def complete(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        """The response to one request."""
        self.seen.append((path, request))
        if path == "/v1/chat/completions":
            text = self._generate(request["messages"][-1]["content"], request)
            choices = [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]
            return {"object": "chat.completion", "choices": choices}
        prompts = request["prompt"]
        if isinstance(prompts, str) or (prompts and isinstance(prompts[0], int)):
            prompts = [prompts]
        answer = self._echo if request.get("echo") else self._complete
        return {
            "object": "text_completion",
            "choices": [{"index": number} | answer(prompt, request) for number, prompt in enumerate(prompts)],
        }

    def _complete(self, prompt: str | list[int], request: dict[str, Any]) -> dict[str, Any]:
        return {"text": self._generate(self._text(prompt), request), "finish_reason": "stop"}

    def _generate(self, prompt: str, request: dict[str, Any]) -> str:
        """The table's answer, cut at the first stop sequence and at `max_tokens`, as a real server does."""
        assert self._answers is not None, "this server has no answers"
        text = self._answers(prompt)
        stops = request.get("stop") or []
        for stop in [stops] if isinstance(stops, str) else stops:
            text = text.split(stop)[0]
        return str(self._tokenizer.decode(self._ids(text)[: request["max_tokens"]], skip_special_tokens=False))

    def _echo(self, prompt: str | list[int], request: dict[str, Any]) -> dict[str, Any]:
        """Log-probabilities of the prompt's tokens and of one more: the table's value stands on the prompt's last."""
        assert request["max_tokens"] == 1 and request["logprobs"] and self._likelihoods is not None
        text = self._text(prompt)
        count = len(self._ids(prompt) if isinstance(prompt, str) else prompt)
        values = [None, *[0.0] * (count - 2), self._likelihoods(text), BEYOND_THE_PROMPT]
        likeliest = [None if value is None else {"x": 0.0} for value in values]
        return {"text": text, "logprobs": {"token_logprobs": values, "top_logprobs": likeliest}}

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _text(self, prompt: str | list[int]) -> str:
        return str(self._tokenizer.decode(self._ids(prompt) if isinstance(prompt, str) else prompt))


@contextmanager
def serve(
    tokenizer: Path,
    answers: Callable[[str], str] | None = None,
    likelihoods: Callable[[str], float] | None = None,
) -> Iterator[Server]:
    """A running server; its `url` ends before ``/v1``. What went wrong inside is in `failures`."""
    server = Server(tokenizer, answers, likelihoods)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # two small writes a response would wait 40 ms for each other

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path not in ("/v1/completions", "/v1/chat/completions"):
                return self._send(404, {"error": "not found"})
            try:
                response = server.complete(self.path, request)
            except Exception as error:  # the client must not wait for an answer that never comes
                server.failures.append(repr(error))
                return self._send(500, {"error": repr(error)})
            self._send(200, response)

        def do_GET(self) -> None:
            self._send(404, {"error": "not found"})

        def _send(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: the tests read `seen`."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    server.url = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join(timeout=10)
