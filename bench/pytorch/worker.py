"""The peer's process of a comparison: loads what was prepared, then does one thing for each line on stdin.

usage: python worker.py '{"settings": a case, "precision": …, "threads": …, …}'
Lines in and out are JSON objects; ../workers/main.mjs is its twin, command for command.
"""

import importlib
import json
import sys


def say(answer):
    print(json.dumps(answer), flush=True)


def main():
    options = json.loads(sys.argv[1])
    steps = dict.fromkeys(["pretrain", "fcmae", "mocoV3", "simsiam", "dino", "finetune"], "training")
    modules = {**steps, "onnx": "session"}
    kind = options["settings"]["kind"]
    worker = importlib.import_module(f"kinds.{modules.get(kind, kind)}").Worker(options)
    say({"ready": True, **worker.about()})
    for line in sys.stdin:
        message = json.loads(line)
        if message["do"] == "end":
            return
        say({"check": worker.check, "step": worker.step}[message["do"]](message))


main()
