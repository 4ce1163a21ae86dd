"""Start scripts/litellm_proxy.sh with models for tests, and ask it what it tells of them."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time

from support import ROOT, wait

SCRIPT = ROOT / "scripts" / "litellm_proxy.sh"
KEY = "sk-a0master0key0of0tests0q7w5e3r1t9y2"
ANSWER = "The cheap model answers."
READY_S = 90  # on a busy machine; alone it is ready in 6
MODELS = """
model_list:
  - model_name: quick
    litellm_params: {model: openai/gpt-4o-mini, mock_response: The cheap model answers.}
  - model_name: strong
    litellm_params: {model: anthropic/claude-sonnet-4-5, mock_response: The powerful one answers.}
  - model_name: slow
    litellm_params: {model: openai/gpt-4o-mini, mock_response: Too late., mock_delay: 60}
  - model_name: busy
    litellm_params: {model: openai/gpt-4o-mini, mock_response: litellm.RateLimitError}
  - model_name: broken
    litellm_params: {model: openai/gpt-4o-mini, mock_response: litellm.InternalServerError}
  - model_name: narrow
    litellm_params: {model: openai/gpt-4o-mini, mock_response: litellm.ContextWindowExceededError}
  - model_name: nobody-prices-it
    litellm_params: {model: openai/a-model-of-my-own, mock_response: Nobody knows what I cost.}
  - model_name: its-owner-prices-it
    litellm_params:
      model: openai/another-model-of-my-own
      input_cost_per_token: 0.0000021
      output_cost_per_token: 0.0000083
      mock_response: My owner knows what I cost.
    model_info: {max_input_tokens: 5000, max_output_tokens: 1000, supports_vision: true}
  - model_name: given-away
    litellm_params:
      model: openai/a-third-model-of-my-own
      input_cost_per_token: 0
      output_cost_per_token: 0
      mock_response: I cost nothing.
  - model_name: in-two-places
    litellm_params: {model: openai/gpt-4o-mini, mock_response: one}
  - model_name: in-two-places
    litellm_params: {model: anthropic/claude-sonnet-4-5, mock_response: two}
  - model_name: openai/*
    litellm_params: {model: openai/*, api_key: os.environ/A_KEY_OF_TESTS}
  - model_name: vectors
    litellm_params: {model: openai/text-embedding-3-small, mock_response: x}
litellm_settings:
  num_retries: 0
"""


class Proxy:
    """A proxy that runs in a place of its own; `variables` are what a task needs to reach it."""

    def __init__(self, place, *words, key=KEY, models=MODELS, environment=None):
        self.place, self.key, self.port = place, key, free_port()
        config = place.folder / "models.yaml"
        config.write_text(models, encoding="utf-8")
        self.log = place.folder / "proxy.log"
        given = {**place.environment, **(environment or {})}
        given |= {"LITELLM_MASTER_KEY": key} if key else {}
        words = words or ("--config", config)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [SCRIPT, *words, "--port", str(self.port)],
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.url = f"http://127.0.0.1:{self.port}"
        assert wait(self.answers, READY_S), self.told

    @property
    def told(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def variables(self):
        return {"LITELLM_BASE_URL": self.url, "LITELLM_API_KEY": self.key}

    def answers(self):
        """Tell whether it answers; fails at once when it has ended."""
        assert self.process.poll() is None, self.told
        time.sleep(0.2)
        try:
            return self.get("/health/liveliness")[0] == 200
        except OSError:
            return False

    def get(self, path, key=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            headers = {"authorization": f"Bearer {key}"} if key else {}
            connection.request("GET", path, headers=headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def model_info(self):
        """Ask for what it tells of each model, several rows for a name in two places."""
        status, body = self.get("/model/info", self.key)
        assert status == 200, body
        return [(row["model_name"], row["model_info"]) for row in json.loads(body)["data"]]

    def end(self, number=signal.SIGTERM):
        """End the script alone, by a signal; returns the command lines of what is left."""
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        self.process.wait(30)
        left = self.place.quiet()
        self.place.clear()
        return left


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
