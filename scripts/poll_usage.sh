#!/usr/bin/env bash
# Renew what is known of each provider's usage, or note what a person knows of it.
#
# Usage: scripts/poll_usage.sh [options]
#
#   scripts/poll_usage.sh                                 ask every source that is due
#   scripts/poll_usage.sh --provider claude --force       ask again at once
#   scripts/poll_usage.sh --set claude.tokens_percent=72 --set codex.cost_today=12.5
#   */5 * * * * .../scripts/poll_usage.sh                 from cron: silent when all went well
#
# Asked are the records the clients leave of your own sessions, and the usage APIs where
# OPENAI_ADMIN_KEY, ANTHROPIC_ADMIN_KEY, or GOOGLE_API_TOKEN and GOOGLE_CLOUD_PROJECT are set. A source
# asked within the last 15 minutes is left alone, unless a row is within 5 points of its block.
#
#   --provider P             only this provider
#   --force                  also what was asked a moment ago
#   --manual                 ask me; an empty answer means that I don't know
#   --set P.FIGURE=NUMBER    note a figure: requests_percent, tokens_percent, cost_today (USD), and
#                            percent_18000s, percent_604800s for the windows of a plan
#   --json                   every row with all its sources, on stdout
#
# Exit codes: 0 done, or nothing was due, 2 usage, 5 no source could be read, 7 state not writable,
# 8 configuration.

self="${BASH_SOURCE[0]}"
[[ ! -L $self ]] || self="$(readlink -f -- "$self")"
# shellcheck source=lib/common.sh
source "${self%"${self##*/}"}../lib/common.sh"

main() {
  help_if_asked "$self" "$@"
  become_orchestrator poll "$@"
}

main "$@"
