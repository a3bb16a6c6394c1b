"""The model and the SQL of the template create the same table."""

from __future__ import annotations

from typing import Any

import yaml

from tests.datelog.servers import DATABASE, TABLE, Cluster, run_in_datelog
from tests.services import LOOPBACK, REPOSITORY

TEMPLATE = REPOSITORY / "infra_templates/aurora.yaml"

COLUMNS = (
    "SELECT ordinal_position, column_name, column_type, is_nullable, column_default, extra "
    f"FROM information_schema.columns WHERE table_schema = '{DATABASE}' AND table_name = "
)
INDEXES = (
    "SELECT index_name, seq_in_index, column_name, non_unique "
    f"FROM information_schema.statistics WHERE table_schema = '{DATABASE}' AND table_name = "
)

CREATE_TABLE = """
import django
django.setup()
from django.db import connection
from datelog.models import SavedTime
SavedTime._meta.managed = True  # Django creates no index for unmanaged models
with connection.schema_editor() as editor:
    editor.create_model(SavedTime)
"""


class _Loader(yaml.SafeLoader):
    """Reads a CloudFormation function in its short form as its argument."""


def _short_form(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _short_form)


def sql_of_the_template(table: str) -> str:
    resources = yaml.load(TEMPLATE.read_text(), _Loader)["Resources"].values()
    (parameter,) = [one for one in resources if one["Type"] == "AWS::SSM::Parameter"]
    text: str = parameter["Properties"]["Value"]
    return text.replace("${DatabaseName}", DATABASE).replace("${TableName}", table)


def describe(cluster: Cluster, table: str) -> tuple[str, str]:
    return (
        cluster.writer.execute(f"{COLUMNS}'{table}' ORDER BY 1"),
        cluster.writer.execute(f"{INDEXES}'{table}' ORDER BY 1, 2"),
    )


def test_the_template_and_the_model_describe_the_same_table(cluster: Cluster) -> None:
    cluster.run("DROP TABLE IF EXISTS by_template, by_model")
    cluster.writer.execute(sql_of_the_template("by_template"))
    root = {"DB_USER": "root", "DB_PASSWORD": "", "DB_TABLENAME": "by_model"}
    run_in_datelog(CREATE_TABLE, cluster.environment() | root)
    by_template = describe(cluster, "by_template")
    assert by_template == describe(cluster, "by_model")
    # the tests create the same table
    assert by_template == describe(cluster, "datelog")
    assert "bigint" in by_template[0]


def test_the_sql_of_the_template_may_run_again(cluster: Cluster) -> None:
    cluster.writer.execute(sql_of_the_template("twice"))
    cluster.writer.execute(f"INSERT INTO {DATABASE}.twice (dt) VALUES ('2024-01-01')")
    cluster.writer.execute(sql_of_the_template("twice"))
    assert cluster.writer.execute(f"SELECT COUNT(*) FROM {DATABASE}.twice").strip() == "1"


def test_django_does_not_manage_the_table(cluster: Cluster) -> None:
    code = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('check'); call_command('makemigrations', '--check', '--dry-run')\n"
        "from datelog.models import SavedTime; print(SavedTime._meta.managed)"
    )
    assert run_in_datelog(code, cluster.environment()).split()[-1] == "False"


def test_reads_are_routed_to_the_reader_and_migrations_away_from_it() -> None:
    code = (
        "import django; django.setup()\n"
        "from django.db import router\n"
        "from datelog.models import SavedTime\n"
        "print(router.db_for_read(SavedTime), router.db_for_write(SavedTime))\n"
        "print(router.allow_migrate('reader', 'datelog'), router.allow_migrate('default', 'datelog'))"
    )
    environment = {
        "DB_NAME": "x",
        "DB_USER": "x",
        "DB_PASSWORD": "",
        "DB_READ_ENDPOINT_ADDRESS": LOOPBACK,
        "DB_WRITE_ENDPOINT_ADDRESS": LOOPBACK,
    }
    assert run_in_datelog(code, environment).split() == ["reader", "default", "False", "True"]


def test_the_table_of_the_tests_has_the_index_of_the_template(cluster: Cluster) -> None:
    assert "KEY dt (dt, id)" in TABLE
    plan = cluster.run("EXPLAIN SELECT dt, id FROM datelog WHERE dt > '2024-01-01' ORDER BY dt, id LIMIT 9")
    assert "\tdt\t" in plan
    assert "filesort" not in plan
