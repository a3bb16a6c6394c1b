"""The table of saved times, which a function of the templates creates. Queries: saved_times.py."""

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from datelog.configuration import current_configuration


class UnsignedBigAutoField(models.BigAutoField):  # type: ignore[type-arg] # no [] at run time
    """BIGINT UNSIGNED AUTO_INCREMENT; Django's BigAutoField is signed."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "bigint unsigned AUTO_INCREMENT"


class WholeSecondsField(models.DateTimeField):  # type: ignore[type-arg] # no [] at run time
    """DATETIME without a fraction, as in the original's table; Django's DateTimeField is DATETIME(6)."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "datetime"


class SavedTime(models.Model):
    """A request to /write: its time, in the time zone that all servers are set to."""

    id = UnsignedBigAutoField(primary_key=True)
    dt = WholeSecondsField()

    class Meta:
        managed = False  # created by the SQL parameter of the templates; a test compares the two
        db_table = current_configuration().table
        indexes = (models.Index(fields=["dt", "id"], name="dt"),)
        ordering = ("dt", "id")

    def __str__(self) -> str:
        return f"{self.dt:%Y-%m-%d %H:%M:%S}"
