"""Runs inside the sandbox of ``arena.py``: the grader's commands, and eyes on what they do."""

import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

TICK = os.sysconf("SC_CLK_TCK")
GRACE = 30  # seconds in which all must have ended after a kill
GLANCE = 0.03  # seconds between two looks at the processor time of all processes


def processes() -> dict[int, str]:
    """Return the command lines of all that runs here, but this and the sandbox's own."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as file:
            line = file.read().replace(b"\0", b" ").decode(errors="replace")
            if line and int(name) not in (1, os.getpid()):  # a process that ended has no line
                found[int(name)] = line[:200]
    return found


class Meter(threading.Thread):
    """Adds up the processor time and memory of all processes, killed ones included."""

    def __init__(self):
        super().__init__(daemon=True)
        self.cpu, self.peak, self.on = {}, 0, True

    def run(self):
        looks = 0
        while self.on:
            for process in filter(str.isdigit, os.listdir("/proc")):
                if int(process) != os.getpid():
                    with suppress(OSError), open(f"/proc/{process}/stat") as file:
                        words = file.read().rpartition(")")[2].split()
                        self.cpu[process, words[19]] = int(words[11]) + int(words[12])
            looks += 1
            if looks % 30 == 0:
                self.peak = max(self.peak, sum(map(self.memory, processes())))
            time.sleep(GLANCE)

    @staticmethod
    def memory(process: int) -> int:
        """Return a process's own share of memory, kB."""
        with suppress(OSError), open(f"/proc/{process}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        return 0


def kill(running: subprocess.Popen, victim: str | None) -> int:
    """Kill the command, or one process whose command line has ``victim`` in it; return how many."""
    some = [pid for pid, line in processes().items() if victim and victim in line]
    try:
        os.kill(random.choice(some) if some else running.pid, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 1


def main() -> None:
    task = json.loads(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    knocks = []
    door = socket.create_server(("127.0.0.1", task["port"]))
    answer = lambda: [knocks.append(door.accept()) for _ in iter(int, 1)]  # noqa: E731
    threading.Thread(target=answer, daemon=True).start()
    meter = Meter()
    if task.get("meter"):
        meter.start()
    start, codes, killed = time.perf_counter(), [], 0
    with open("/tmp/log", "w+b") as log:
        for command in task["commands"]:
            running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                running.wait(task.get("kill"))
            except subprocess.TimeoutExpired:
                killed += kill(running, task.get("victim"))
            codes.append(running.wait())
        seconds = time.perf_counter() - start
        time.sleep(task.get("wait", 0))
        until = time.monotonic() + GRACE * ("kill" in task)
        while processes() and time.monotonic() < until:
            time.sleep(0.1)
        log.seek(max(log.tell() - 20_000, 0))
        text = log.read().decode(errors="replace")
    report = {"codes": codes, "left": list(processes().values()), "knocks": len(knocks)}
    report |= {"killed": killed}
    report |= {"seconds": seconds, "cpu": sum(meter.cpu.values()) / TICK, "peak": meter.peak / 1000}
    print(json.dumps(report | {"log": text}), flush=True)
    os._exit(0)


main()
