"""The stand-in where there is no MariaDB."""

from pathlib import Path

from portal.sandbox.database.endpoints import Endpoint


class Embedded:
    """Placeholder."""

    endpoint: Endpoint

    def __init__(self, base: Path, **options: object) -> None:
        raise OSError("not yet")

    def set_password(self, user: str, password: str) -> None: ...

    def stop(self) -> None: ...
