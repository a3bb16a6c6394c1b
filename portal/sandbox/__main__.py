"""`python -m portal.sandbox`: the sandbox as a process of its own, that ends cleanly and leaves nothing behind."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    port = int(os.environ.get("SANSO_SANDBOX_PORT", "4567"))
    host = os.environ.get("SANSO_SANDBOX_HOST", "127.0.0.1")
    logging.basicConfig(
        level=os.environ.get("SANSO_SANDBOX_LOG_LEVEL", "WARNING"),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    with _data_folder() as folder:
        _prepare_environment(host, port, folder)
        return asyncio.run(_serve(host, port))


@contextlib.contextmanager
def _data_folder():
    given = os.environ.get("SANSO_SANDBOX_DATA")
    folder = Path(given) if given else Path(tempfile.mkdtemp(prefix="sanso-sandbox-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder if not given else folder / "tmp", ignore_errors=True)


def _prepare_environment(host: str, port: int, folder: Path) -> None:
    temporary = folder / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    os.environ.update(
        GATEWAY_PORT=str(port),
        BIND_HOST=host,
        MINISTACK_HOST=host,
        MINISTACK_REGION=os.environ.get("MINISTACK_REGION", "ap-northeast-1"),
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        TMPDIR=str(temporary),
        SANSO_SANDBOX_DATA=str(folder),
    )
    tempfile.tempdir = None


async def _serve(host: str, port: int) -> int:
    from portal.sandbox import engine

    engine.install()
    import ministack.app

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await engine.serve(ministack.app.app, host, port, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
