"""What every driver of an SDK needs: commands that come as JSON lines on standard input, and answers that go out.

A command is {"id": 1, "do": "connect", ...arguments}; its answer is {"id": 1, "result": ...} or {"id": 1, "error": "..."}.
What the SDK's callbacks get is written as {"event": name, "data": ...}. The SDK's own log goes to standard error.
Import this first: whatever an SDK prints must not stand among the answers.
"""

import json
import logging
import os
import sys
from threading import Lock
from time import monotonic, sleep

DEADLINE_SECONDS = 20

logging.basicConfig(level=logging.INFO, stream=sys.stderr)
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
output = Lock()


def write(line):
    with output:
        print(json.dumps(line), file=answers, flush=True)


def event(name, data):
    write({"event": name, "data": data})


def until(condition, what, seconds=DEADLINE_SECONDS):
    end = monotonic() + seconds
    while not condition():
        if monotonic() > end:
            raise TimeoutError(what)
        sleep(0.02)


def serve(driver):
    for line in sys.stdin:
        command = json.loads(line)
        number = command.pop("id")
        try:
            result = getattr(driver, command.pop("do"))(**command)
            write({"id": number, "result": result})
        except Exception as error:  # whatever the SDK throws belongs to the test
            write({"id": number, "error": f"{type(error).__name__}: {error}"})
