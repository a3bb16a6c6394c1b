"""The table of saved times, as the environment's database function makes it. Queries: saved_times.py."""

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from datelog.configuration import configured


class UnsignedBigAutoField(models.BigAutoField):  # type: ignore[type-arg] # no [] at run time
    """BIGINT UNSIGNED AUTO_INCREMENT; Django's own is signed."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "bigint unsigned AUTO_INCREMENT"


class WholeSecondsField(models.DateTimeField):  # type: ignore[type-arg] # no [] at run time
    """DATETIME without a fraction, as in the original's table; Django's own is DATETIME(6)."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "datetime"


class SavedTime(models.Model):
    """One visit to /write: the wall-clock time in the one zone that all servers are set to."""

    id = UnsignedBigAutoField(primary_key=True)
    dt = WholeSecondsField()

    class Meta:
        managed = False  # the SQL in the template's parameter makes it; a test compares the two
        db_table = configured().table
        indexes = (models.Index(fields=["dt", "id"], name="dt"),)
        ordering = ("dt", "id")

    def __str__(self) -> str:
        return f"{self.dt:%Y-%m-%d %H:%M:%S}"
