#!/usr/bin/env bash
# Run the LiteLLM proxy, which reaches 100+ providers, on this machine alone; or list its models.
# It runs in the foreground until Ctrl-C, out of .venv-gateway, which `make gateway` installs.
#
# Usage: scripts/litellm_proxy.sh [--config FILE] [--port PORT] [--mock]
#        scripts/litellm_proxy.sh --models
#
#   make gateway                                   install it, then run it
#   scripts/litellm_proxy.sh --config my.yaml      the models of your own LiteLLM configuration
#   scripts/litellm_proxy.sh --mock                a proxy that answers by itself, to try things out
#   scripts/litellm_proxy.sh --models              ask the running proxy for its models and prices, and
#                                                  write them to config/gateway.json
#
#   --config FILE   instead of config/gateway.yaml; of your variables the proxy gets those it names as
#                   os.environ/NAME
#   --port PORT     instead of 4000; then set LITELLM_BASE_URL, too
#
# Its key is LITELLM_MASTER_KEY (also in .env). Without one a new key is made for each start, and kept
# in a file of yours alone, which is named. A task and --models send LITELLM_API_KEY, else
# LITELLM_MASTER_KEY, to LITELLM_BASE_URL, which has to be https or on this machine.
#
# Exit codes: 0 done, 2 usage, or the port is taken, 4 the proxy is not installed, or its key is not set
# or refused, 5 the proxy does not answer, 7 a file can't be written, 8 configuration.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

main() {
  help_if_asked "$self" "$@"
  become_orchestrator gateway "$@"
}

main "$@"
