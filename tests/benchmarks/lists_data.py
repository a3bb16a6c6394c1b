"""The database of `make bench-lists`: many copies of the upgrade fixture's rows, which a real run stored.

Whole environments are copied with all their rows, and their ended deployments are copied many more times as
history, in SQL inside the server. Copy number k of a row has its key plus k times the table's stride, and so
have its references to other copied rows. Tables that the release of the fixture did not have are filled from
the requests of deployments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection, models

from deployments.access.models.audit_records import AuditAnchor, AuditChain, AuditCut, AuditRecord
from deployments.deployment_pages import recordings
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.failures.models import Evidence
from deployments.health.models.observing import Observer
from deployments.health.models.samples import HealthSample
from deployments.health.models.site import SiteReads
from deployments.stacks.models.durations import Duration, Expectation
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource, Stack
from deployments.template_sets.models.stored_sets import DeployedSet, TemplateCheck

COPIES = 25
"""Copies of the fixture's 39 environments: 1,014 environments including the fixture's."""
HISTORY = 98_900
"""Copies of ended deployments as history: 100,000 deployments including those of the environments."""
BATCH = 2_000
"""Number of deployments that one statement copies."""
RECORDINGS = 20
MIX = (("full", 4), ("small", 26), ("none", 10))
"""Of 40 deployments, the number with all 75 resources, with about 12, and with none before they failed."""
AUDIT = (AuditRecord, AuditAnchor, AuditChain, AuditCut)
SHARED = (Account, *AUDIT, DeployedSet, Observer, SiteReads, TemplateCheck)
"""Models whose rows do not belong to one environment, or that the release of the fixture did not have."""
OF_DEPLOYMENTS = (Stack, Resource, Event, Evidence)
"""Models copied with a deployment of the history, parents first. Pages of lists read no others."""


@dataclass(frozen=True, slots=True)
class Copy:
    """The copying of a model's rows: expressions for columns, with `c.k` as the number of the copy."""

    model: type[models.Model]
    columns: Mapping[str, str]

    def insert(self, rows: str) -> str:
        """Return the statement that inserts the copies of `rows`, a FROM clause with the aliases c and t."""
        names = ", ".join(f"`{name}`" for name in self.columns)
        table = self.model._meta.db_table
        values = ", ".join(self.columns.values())
        return f"INSERT INTO `{table}` ({names}) SELECT STRAIGHT_JOIN {values} {rows}"


def generate() -> None:
    """Fill the database, which contains only the upgraded fixture."""
    strides = {model: _stride(model) for model in _copied()}
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION unique_checks = 0, foreign_key_checks = 0")
        _number(cursor, strides)
        for model in _copied():
            own = f"`{model._meta.db_table}` t ON t.id < {strides[model]}"
            rows = f"FROM bench_tree c JOIN {own} ORDER BY c.k, t.id"
            cursor.execute(_copy(model, strides).insert(rows))
        _fill_history(cursor, strides)
        _fill_requests(cursor)
        cursor.execute("SET SESSION unique_checks = 1, foreign_key_checks = 1")
    user = get_user_model().objects.order_by("pk").first()
    assert user is not None
    for name in recordings.included():
        recordings.open_included(name, user)
        for _ in range(RECORDINGS // 3):
            recordings.load(recordings.read(name), user)
    with connection.cursor() as cursor:
        every: Iterable[Any] = (*_copied(), *SHARED)
        for model in every:
            cursor.execute(f"ANALYZE TABLE `{model._meta.db_table}`")
            cursor.fetchall()
        cursor.execute("DROP TABLE bench_tree, bench_environment, bench_history")


def fill_health() -> None:
    """Replace the health history by one of the last 24 hours."""
    samples, reads = HealthSample._meta.db_table, SiteReads._meta.db_table
    live = f"{Environment._meta.db_table} e ON e.deleted_at IS NULL"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT MAX(at) > UTC_TIMESTAMP() - INTERVAL 1 HOUR FROM {samples}")
        if (cursor.fetchone() or (None,))[0]:
            return
        cursor.execute(f"TRUNCATE TABLE {samples}")
        cursor.execute(f"TRUNCATE TABLE {reads}")
        moment = "UTC_TIMESTAMP() - INTERVAL 10 * s.seq MINUTE"
        cursor.execute(
            f"INSERT INTO {samples} (environment_id, at, tier, healthy, total, word, is_thinned)"
            f" SELECT e.id, {moment}, n.tier, 2, 2, e.health_word, 0"
            f" FROM seq_0_to_143 s JOIN ({_TIERS}) n JOIN {live}"
        )
        cursor.execute(
            f"INSERT INTO {reads} (environment_id, start, `reads`, failed, milliseconds, slowest, latest_at,"
            " latest_reads, latest_failed, reached, problem)"
            f" SELECT e.id, {moment}, 300, 0, 4200, 61.5, {moment} + INTERVAL 5 MINUTE, 10, 0, 1, '{{}}'"
            f" FROM seq_0_to_287 s JOIN {live}"
        )


_TIERS = " UNION ".join(
    f"SELECT '{tier}' tier" for tier in ("alb", "web", "nlb", "app", "database", "environment")
)


def counted() -> dict[str, int]:
    """Return the number of rows of the listed models."""
    listed = (Environment, Deployment, Stack, Resource, Event, AuditRecord, HealthSample)
    return {str(model._meta.verbose_name_plural): model._default_manager.count() for model in listed}


def _copied() -> list[type[models.Model]]:
    """Return the models whose rows belong to an environment."""
    every: Iterable[Any] = apps.get_app_config("deployments").get_models()
    return [model for model in every if model not in SHARED]


def _stride(model: type[models.Model]) -> int:
    newest = model._default_manager.order_by("-pk").first()
    return (newest.pk if newest else 0) + 1


def _number(cursor: Any, strides: Mapping[type[models.Model], int]) -> None:
    """Number the copies: whole environments come last, so that their deployments are the newest."""
    cursor.execute("CREATE TABLE bench_tree (k INT PRIMARY KEY, shift INT NOT NULL)")
    cursor.execute(f"INSERT INTO bench_tree SELECT {HISTORY} + seq, 0 FROM seq_1_to_{COPIES}")
    stride = strides[Environment]
    table = Environment._meta.db_table
    cursor.execute("CREATE TABLE bench_environment (n INT PRIMARY KEY AUTO_INCREMENT, id BIGINT NOT NULL)")
    cursor.execute(
        f"INSERT INTO bench_environment (id) SELECT e.id + c.k * {stride} FROM {table} e"
        f" JOIN {Account._meta.db_table} a ON a.id = e.account_id"
        f" JOIN (SELECT 0 k UNION SELECT k FROM bench_tree) c WHERE e.id < {stride} AND NOT a.is_recording"
    )


def _copy(model: type[models.Model], strides: Mapping[type[models.Model], int], **changed: str) -> Copy:
    """Return the copying of a model's rows."""
    columns: dict[str, str] = {}
    fields: Any = model._meta.concrete_fields
    for field in fields:
        name: str = field.column
        column = f"t.`{name}`"
        target: Any = field.related_model if field.is_relation else model if field.primary_key else None
        if target in strides:
            columns[name] = f"{column} + c.k * {strides[target]}"
        elif isinstance(field, models.UUIDField):
            columns[name] = "UUID()" if connection.features.has_native_uuid_field else "MD5(UUID())"
        elif isinstance(field, models.DateTimeField):
            columns[name] = f"{column} + INTERVAL c.shift SECOND"
        elif isinstance(field, models.CharField) and field.unique:
            columns[name] = f"CONCAT({column}, '-', c.k)"
        else:
            columns[name] = _SPECIAL.get((model, field.name), column)
    if model is Deployment:
        columns["active_key"] = f"t.active_key + c.k * {strides[Environment]}"
    return Copy(model, columns | changed)


_OWN_ARN = "IF(t.{0} = '', '', CONCAT(LEFT(t.{0}, CHAR_LENGTH(t.{0}) - 8), LPAD(HEX(c.k), 8, '0')))"
_OWN_ID = "IF(t.{0} = '', '', CONCAT(t.{0}, LOWER(HEX(c.k))))"
_SPECIAL: dict[tuple[type[models.Model], str], str] = {
    (Environment, "name"): "CONCAT(t.name, '-', c.k)",
    (Environment, "stack_name"): "CONCAT(t.stack_name, '-', c.k)",
    (Environment, "stack_id"): _OWN_ARN.format("stack_id"),
    (Environment, "due_at"): "NULL",
    (Deployment, "stack_id"): _OWN_ARN.format("stack_id"),
    (Stack, "stack_id"): _OWN_ARN.format("stack_id"),
    (Resource, "physical_id"): _OWN_ID.format("physical_id"),
    (Event, "physical_id"): _OWN_ID.format("physical_id"),
}


def _templates() -> dict[str, list[int]]:
    """Return the ended deployments of the fixture, grouped by their number of resources."""
    ended = Deployment.objects.exclude(ended_at=None).order_by("pk")
    counts = ended.annotate(number=models.Count("stacks__resources")).values_list("pk", "number")
    found: dict[str, list[int]] = {name: [] for name, _ in MIX}
    for pk, number in counts:
        found["full" if number > 20 else "small" if number else "none"].append(pk)
    return found


def _fill_history(cursor: Any, strides: Mapping[type[models.Model], int]) -> None:
    """Copy the ended deployments, spread over all environments and over two years."""
    templates = _templates()
    kinds = [name for name, share in MIX for _ in range(share)]
    cursor.execute(
        "CREATE TABLE bench_history (k INT PRIMARY KEY, source INT, environment BIGINT, shift INT)"
    )
    cursor.execute("SELECT COUNT(*) FROM bench_environment")
    environments = cursor.fetchone()[0]
    rows = []
    for k in range(1, HISTORY + 1):
        chosen = templates[kinds[7 * k % len(kinds)]]
        rows.append((k, chosen[k // len(kinds) % len(chosen)], 1 + 389 * k % environments))
    for begin in range(0, len(rows), 5000):
        values = ", ".join(
            f"({k}, {source}, {number}, 0)" for k, source, number in rows[begin : begin + 5000]
        )
        cursor.execute(f"INSERT INTO bench_history VALUES {values}")
    cursor.execute(
        "UPDATE bench_history h JOIN bench_environment e ON e.n = h.environment SET environment = e.id"
    )
    deployment = Deployment._meta.db_table
    then = f"UTC_TIMESTAMP() - INTERVAL 700 DAY + INTERVAL FLOOR(k * 60000000 / {HISTORY}) SECOND"
    cursor.execute(
        f"UPDATE bench_history h JOIN {deployment} d ON d.id = h.source"
        f" SET shift = TIMESTAMPDIFF(SECOND, d.created_at, {then})"
    )
    copies = [
        _copy(Deployment, strides, environment_id="c.environment"),
        *(_copy(m, strides) for m in OF_DEPLOYMENTS),
    ]
    for begin in range(0, HISTORY, BATCH):
        for copy in copies:
            cursor.execute(copy.insert(_of_history(copy.model, begin)))
    recent = _of_history(Duration, HISTORY - BATCH)
    for model in (Duration, Expectation):
        cursor.execute(
            _copy(model, strides).insert(recent.replace(Duration._meta.db_table, model._meta.db_table))
        )


def _of_history(model: type[models.Model], begin: int) -> str:
    """Return the FROM clause for the rows of a model that are copied with a batch of deployments."""
    table = model._meta.db_table
    join = f"JOIN `{table}` t ON t.deployment_id = c.source"
    if model is Deployment:
        join = f"JOIN `{table}` t ON t.id = c.source"
    if model is Resource:
        stack = Stack._meta.db_table
        join = f"JOIN `{stack}` p ON p.deployment_id = c.source JOIN `{table}` t ON t.stack_id = p.id"
    between = f"c.k > {begin} AND c.k <= {begin + BATCH}"
    return f"FROM (SELECT * FROM bench_history c WHERE {between} ORDER BY k) c {join}"


def _fill_requests(cursor: Any) -> None:
    """Insert the audit record of each deployment, and for one in thirty of them also a denied request."""
    audit, deployment = AuditRecord._meta.db_table, Deployment._meta.db_table
    insert = (
        f"INSERT INTO {audit} (at, user_id, action, permission, outcome, reason, refusal, name,"
        " environment_id, deployment_id, details)"
        " SELECT STRAIGHT_JOIN d.created_at, d.requested_by_id, d.kind,"
        " CONCAT('deployments.', IF(d.kind = 'create', 'add_deployment', CONCAT(d.kind, '_environment')))"
    )
    of = f"FROM {deployment} d JOIN {Environment._meta.db_table} e ON e.id = d.environment_id"
    cursor.execute(f"{insert}, 'requested', d.reason, '{{}}', e.name, e.id, d.id, '{{}}' {of} ORDER BY d.id")
    refusal = '{"code": "permission_missing", "params": {"permission": "deployments.change_environment"}}'
    cursor.execute(
        f"{insert}, 'refused', '', '{refusal}', e.name, e.id, NULL, '{{}}' {of} WHERE MOD(d.id, 30) = 0"
        " ORDER BY d.id"
    )
