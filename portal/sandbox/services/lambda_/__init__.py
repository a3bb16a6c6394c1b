"""Lambda functions that really run: in a confined process of their own, with a folder of their own.

This is foreign code. How far it can be confined depends on the machine; `about` reports how far that is.
"""

import shutil
import threading


def install() -> None:
    """Put the process, the inline packaging, the logs and the custom resources in place."""
    from portal.sandbox.backends.functions.confinement.modes import confinement
    from portal.sandbox.backends.functions.confinement.workspace import outside
    from portal.sandbox.services.lambda_ import custom_resources, logs, no_programs, packages, workers

    shutil.rmtree(outside(), ignore_errors=True)  # of a sandbox that was killed
    threading.Thread(target=confinement, name="confinement", daemon=True).start()  # so that it is known early
    for module in (no_programs, packages, workers, logs, custom_resources):
        module.install()


def about() -> dict[str, object]:
    """Say for the control plane's about what functions can reach of this machine."""
    from portal.sandbox.backends.functions.confinement.modes import confinement

    reached = sorted(confinement().reached)
    if not reached:
        return {"functions": "confined", "functions_are": "kept from this user's files and processes"}
    return {
        "functions": "not confined",
        "functions_are": f"run as this user and can reach its {' and '.join(reached)}",
    }


def reset(account: str | None) -> None:
    """End the processes of an account's functions, or of all."""
    from portal.sandbox.services.lambda_ import workers

    workers.end(account)


def stop() -> None:
    """End every process; none and none of their files stay."""
    from portal.sandbox.backends.functions.confinement.workspace import outside
    from portal.sandbox.services.lambda_ import workers

    workers.end(None)
    shutil.rmtree(outside(), ignore_errors=True)
