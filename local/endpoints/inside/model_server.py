"""Runs as an instance of an endpoint: a model's handlers behind GET /ping and POST /invocations.

Run as `python model_server.py MODEL_DIR ANNOUNCED`; the ports are written into the file ANNOUNCED,
one for each of SAGEMAKER_MODEL_SERVER_WORKERS processes, each of which loads the model and answers
one request at a time, in its main thread, while a thread reads the next and answers pings. Every
request must carry the secret in BREEDLINE_SERVER_SECRET. Stands alone: it imports nothing of the
embedded AWS, and leaves no module of its own in the way of the model's.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import serving_handlers as handlers  # beside this file, which is no package
import serving_http as http

SECRET = "BREEDLINE_SERVER_SECRET"  # noqa: S105 - the variable's name
BACKLOG = 128
LAST_WORDS = 30.0  # seconds for what is being answered when the server is told to stop


def main() -> None:
    model_dir, announced = sys.argv[1:]
    handlers.hide()
    secret = os.environ.pop(SECRET)
    workers = int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or "1")
    listeners = [listen() for _ in range(workers)]
    announce(Path(announced), listeners)
    serve(become_worker(listeners), model_dir, secret)


def listen() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)


def announce(path: Path, listeners: list[socket.socket]) -> None:
    """Write the ports, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(" ".join(str(listener.getsockname()[1]) for listener in listeners))
    part.replace(path)


def become_worker(listeners: list[socket.socket]) -> socket.socket:
    """Fork a process for each listener but the first; the one that is this process's own.

    Before the model is loaded: threads that a library has started do not survive a fork.
    """
    children = []
    for listener in listeners[1:]:
        child = os.fork()
        if child == 0:
            return keep_only(listener, listeners)
        children.append(child)
    for child in children:
        threading.Thread(target=follow, args=(child,), daemon=True).start()
    return keep_only(listeners[0], listeners)


def keep_only(mine: socket.socket, listeners: list[socket.socket]) -> socket.socket:
    for listener in listeners:
        if listener is not mine:
            listener.close()
    return mine


def follow(child: int) -> None:
    """A worker that fails ends the whole server, and is replaced with it."""
    _, status = os.waitpid(child, 0)
    if status:
        sys.stdout.flush()
        os._exit(1)


def serve(listener: socket.socket, model_dir: str, secret: str) -> None:
    server = http.Server(listener, secret)
    signal.signal(signal.SIGTERM, lambda *_: stop(server))
    server.start()
    model = handlers.Handlers(model_dir)
    server.healthy = True
    for number, request in enumerate(server.requests()):
        result = model.answer(request.body, request.names, str(number))
        headers = {"Content-Type": result.content_type, **result.headers}
        answer = http.Answer(result.status, result.body, headers, result.phrase)
        request.connection.answer(answer)


def stop(server: http.Server) -> None:
    """Answer what has come, then end; in a bounded time, whatever the model does."""
    server.healthy = False
    server.stop()
    threading.Thread(target=end_late, daemon=True).start()


def end_late() -> None:
    time.sleep(LAST_WORDS)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(1)


if __name__ == "__main__":
    main()
