"""./course lab: lay out work/, start JupyterLab on it, say when it is ready."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser

from course_lib.cli import complain, edition, settings

HOST = "127.0.0.1"
ENDINGS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
FLAGS = [
    "--log-level=WARN",
    "--LabApp.log_level=WARN",
    "--ServerApp.jpserver_extensions=notebook=False",
    "--ServerApp.port_retries=0",
    "--ServerApp.answer_yes=True",
    "--ServerApp.open_browser=False",
    *settings.flags(),
]


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def is_busy(port):
    with socket.socket() as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def environment(work):
    """The environment of the server: its settings live in work/, not in the student's home."""
    config = work / ".jupyter"
    settings.write_page(config)
    return os.environ | {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_TOKEN": secrets.token_hex(24),
    }


def answers(port, token):
    request = urllib.request.Request(f"http://{HOST}:{port}/api/status?token={token}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as reply:
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False


def stop(*_):
    raise KeyboardInterrupt


def run(root, options):
    work = root / "work"
    port = options.port or free_port()
    if is_busy(port):
        complain(f"port {port} is busy; choose another, or leave --port out to take any free one.")
    for sentence in edition.lay_out(root, work, options.page if options.fresh else None):
        print(sentence)
    env = environment(work)
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.ip={HOST}", *FLAGS]
    command += [f"--ServerApp.port={port}", f"--ServerApp.root_dir={work}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    for number in ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, stop)
    server = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL)
    try:
        while not answers(port, env["JUPYTER_TOKEN"]):
            if server.poll() is not None:
                complain(f"JupyterLab stopped before it was ready (exit code {server.returncode}).")
            time.sleep(0.1)
        page = f"/tree/{options.page}" if options.page else ""
        url = f"http://{HOST}:{port}/lab{page}?token={env['JUPYTER_TOKEN']}"
        print(f"Ready: {url}", flush=True)
        print("Stop with Ctrl-C.", flush=True)
        if not options.no_browser:
            webbrowser.open(url)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        close(server)


def close(server):
    """End the server and with it its kernels; a second Ctrl-C does not cut this short."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    if server.poll() is None:
        server.terminate()
    server.wait()
