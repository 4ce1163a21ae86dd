"""A small MCP server over stdio: one tool, `look_up`, that tells what it was asked and given.

Usage: mcp_server.py LOG [--stay] [--slow]. Each request's method and parameters become a line of
LOG, and so does the environment it was started with. With --stay it leaves a process behind, for a
minute, that is of no group, holds no pipe and hears no signal but the last. With --slow it takes
longer to start than a client waits by itself.
"""

import json
import os
import signal
import sys
import time

TOOL = {
    "name": "look_up",
    "description": "Looks a word up.",
    "inputSchema": {
        "type": "object",
        "properties": {"word": {"type": "string"}},
        "required": ["word"],
    },
}


def result_of(method, parameters):
    """Answer a request; None for what it does not know."""
    if method == "initialize":
        return {
            "protocolVersion": parameters["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "look-up", "version": "1"},
        }
    if method == "tools/list":
        return {"tools": [TOOL]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": f"{parameters['arguments']['word']}: found"}]}
    return {} if method == "ping" else None


def leave_behind():
    """Start a process that stays."""
    if os.fork() == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.closerange(0, 64)
        time.sleep(60)
        os._exit(0)


def main():
    if "--stay" in sys.argv[2:]:
        leave_behind()
    if "--slow" in sys.argv[2:]:
        time.sleep(11)
    with open(sys.argv[1], "a", encoding="utf-8", buffering=1) as log:
        log.write(json.dumps({"method": "start", "environment": dict(os.environ)}) + "\n")
        for line in sys.stdin:
            request = json.loads(line)
            method, parameters = request.get("method", ""), request.get("params") or {}
            log.write(json.dumps({"method": method, "params": parameters}) + "\n")
            if "id" not in request:
                continue
            reply = {"jsonrpc": "2.0", "id": request["id"]}
            result = result_of(method, parameters)
            if result is None:
                reply["error"] = {"code": -32601, "message": f"no method {method}"}
            else:
                reply["result"] = result
            sys.stdout.write(json.dumps(reply) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
