"""Translates MySQL's statements to SQLite's SQL, and SQLite's errors to MySQL's numbers."""

import re
import sqlite3
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.dialects.sqlite import SQLite
from sqlglot.errors import ErrorLevel


class _Generator(SQLite):
    """SQLite with all names in backticks, since SQLite reads unknown names in double quotes as texts."""

    class Tokenizer(SQLite.Tokenizer):
        """The quotes of names; the first is used in output."""

        IDENTIFIERS = ["`", '"', ("[", "]")]  # noqa: RUF012  (sqlglot's own way)


_DDL = (exp.Create, exp.Drop, exp.Alter, exp.TruncateTable)

_NAME = r"(?:`(?:[^`]|``)+`|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|[\w$-]+)"
_TEXT = r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\""
_USER = re.compile(
    rf"(?P<verb>CREATE|ALTER|DROP)\s+(?:OR\s+REPLACE\s+)?USER\s+(?P<if>IF\s+(?:NOT\s+)?EXISTS\s+)?(?P<name>{_NAME})"
    rf"(?:\s*@\s*{_NAME})?(?:\s+IDENTIFIED\s+(?:WITH\s+{_NAME}\s+)?BY\s+(?P<password>{_TEXT}))?",
    re.IGNORECASE,
)
_SET_PASSWORD = re.compile(
    rf"SET\s+PASSWORD\s+(?:FOR\s+(?P<name>{_NAME})(?:\s*@\s*{_NAME})?\s*)?=\s*(?:PASSWORD\s*\(\s*)?(?P<password>{_TEXT})",
    re.IGNORECASE,
)
_DATABASE = re.compile(
    rf"(?P<verb>CREATE|DROP)\s+(?:DATABASE|SCHEMA)\s+(?P<if>IF\s+(?:NOT\s+)?EXISTS\s+)?(?P<name>{_NAME})",
    re.IGNORECASE,
)
# Accepted without effect: all users have the same privileges, and there is nothing to flush or lock.
_WITHOUT_EFFECT = re.compile(
    r"(?:GRANT|REVOKE|FLUSH|ANALYZE|OPTIMIZE|CHECK|LOCK\s+TABLES|UNLOCK\s+TABLES|ALTER\s+(?:DATABASE|SCHEMA)"
    r"|SET\s+(?:GLOBAL|@@GLOBAL)|SET\s+DEFAULT\s+ROLE|CREATE\s+ROLE|DROP\s+ROLE)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """A statement about users or databases, or one without effect."""

    verb: str  # CREATE, ALTER, DROP, NONE
    about: str = ""  # USER or DATABASE
    name: str = ""
    password: str | None = None
    lenient: bool = False  # IF EXISTS or IF NOT EXISTS was given


class Unsupported(Exception):
    """A statement cannot be expressed in SQLite's SQL."""


def administration(statement: str) -> Administration | None:
    """Read a statement about users or databases; None when it is about data."""
    text = re.sub(r"^\s*(?:/\*.*?\*/\s*|--[^\n]*\n\s*)*", "", statement, flags=re.DOTALL)
    if found := _USER.match(text):
        return _about("USER", found, found["password"])
    if found := _SET_PASSWORD.match(text):
        name = _unquoted(found["name"]) if found["name"] else ""
        return Administration(verb="ALTER", about="USER", name=name, password=_unquoted(found["password"]))
    if found := _DATABASE.match(text):
        return _about("DATABASE", found, None)
    return Administration(verb="NONE") if _WITHOUT_EFFECT.match(text) else None


def _about(what: str, found: re.Match[str], password: str | None) -> Administration:
    return Administration(
        verb=found["verb"].upper(),
        about=what,
        name=_unquoted(found["name"]),
        password=None if password is None else _unquoted(password),
        lenient=bool(found["if"]),
    )


def _unquoted(text: str) -> str:
    if text[0] not in "`'\"":
        return text
    quote, inner = text[0], text[1:-1].replace(text[0] * 2, text[0])
    return inner if quote == "`" else re.sub(r"\\(.)", r"\1", inner)


def translate(expression: exp.Expression, database: str | None) -> list[str]:
    """Translate a statement to SQLite's SQL: several statements for a table with indexes.

    Args:
        database: the database of tables without an explicit one.

    Raises Unsupported if SQLite cannot express the statement.
    """
    expression = expression.copy()
    for table in expression.find_all(exp.Table):
        if not table.args.get("db") and database and not _is_common_table(table):
            table.set("db", exp.to_identifier(database, quoted=True))
    if isinstance(expression, exp.TruncateTable):
        return [_sql(exp.delete(table)) for table in expression.expressions]
    if isinstance(expression, exp.Create) and isinstance(expression.this, exp.Index):
        return [_create_index(expression, expression.this)]
    statements = [*_indexes_of(expression)] if isinstance(expression, exp.Create) else []
    if isinstance(expression, exp.Insert):
        _name_conflict(expression)
    if isinstance(expression, exp.Command):
        return [_command(expression, database)]
    return [_sql(expression), *statements]


def _sql(expression: exp.Expression) -> str:
    return expression.sql(_Generator, identify=True, unsupported_level=ErrorLevel.IGNORE)


def changes_schema(expression: exp.Expression) -> bool:
    """Return whether MySQL commits implicitly before the statement."""
    return isinstance(expression, _DDL)


def _is_common_table(table: exp.Table) -> bool:
    scope = table.find_ancestor(exp.Select)
    while scope is not None:
        named = scope.args.get("with_") or scope.args.get("with")
        if named and any(common.alias == table.name for common in named.expressions):
            return True
        scope = scope.find_ancestor(exp.Select)
    return False


def _indexes_of(create: exp.Create) -> list[str]:
    """Remove a new table's keys and options from the statement; return the indexes as statements."""
    schema = create.this
    create.set("properties", None)
    if create.kind != "TABLE" or not isinstance(schema, exp.Schema):
        return []
    statements: list[str] = []
    kept = []
    for part in schema.expressions:
        if isinstance(part, exp.IndexColumnConstraint):
            name = f"{schema.this.name}_{part.name or len(statements)}"
            statements.append(_index(schema.this, name, part.expressions, kind="INDEX IF NOT EXISTS"))
        else:
            kept.append(part)
            _plain_column(part)
    schema.set("expressions", kept)
    return statements


def _create_index(create: exp.Create, index: exp.Index) -> str:
    columns = index.args["params"].args["columns"]
    kind = "UNIQUE INDEX" if create.args.get("unique") else "INDEX"
    return _index(index.args["table"], f"{index.args['table'].name}_{index.name}", columns, kind=kind)


def _index(table: exp.Table, name: str, columns: list[exp.Expression], *, kind: str) -> str:
    """Return a statement in which the index's name, not the table's, has the database, as SQLite requires."""
    database = table.args["db"].name if table.args.get("db") else "main"
    listed = ", ".join(_sql(column) for column in columns)
    quoted, owner, own = (_sql(exp.to_identifier(word)) for word in (database, table.name, name))
    return f"CREATE {kind} {quoted}.{own} ON {owner} ({listed})"


def _plain_column(column: exp.Expression) -> None:
    """Make an auto-increment column SQLite's INTEGER PRIMARY KEY; remove character sets and comments."""
    if not isinstance(column, exp.ColumnDef):
        return
    kinds = [constraint.kind for constraint in column.constraints]
    if any(isinstance(kind, exp.AutoIncrementColumnConstraint) for kind in kinds):
        column.set("kind", exp.DataType.build("INTEGER", dialect="sqlite"))
    dropped = (
        exp.CharacterSetColumnConstraint,
        exp.CollateColumnConstraint,
        exp.CommentColumnConstraint,
        exp.OnUpdateColumnConstraint,
    )
    column.set(
        "constraints",
        [constraint for constraint in column.constraints if not isinstance(constraint.kind, dropped)],
    )


def _name_conflict(insert: exp.Insert) -> None:
    """Replace ON DUPLICATE KEY UPDATE a = VALUES(a) with ON CONFLICT DO UPDATE SET a = excluded.a."""
    conflict = insert.args.get("conflict")
    if conflict is None or not conflict.args.get("duplicate"):
        return
    conflict.set("duplicate", False)
    conflict.set("action", exp.var("DO UPDATE"))
    for given in list(conflict.find_all(exp.Anonymous)):
        if given.name.upper() == "VALUES" and given.expressions:
            given.replace(exp.column(given.expressions[0].name, table="excluded"))


def _command(command: exp.Command, database: str | None) -> str:
    text = f"{command.name} {command.expression.name if command.expression else ''}".strip()
    if command.name.upper() == "REPLACE":
        return text
    raise Unsupported(text)


# SQLite's message, MySQL's number for the error, and MySQL's message.
_ERRORS = (
    (re.compile(r"no such table: (?P<name>\S+)"), 1146, "Table '{name}' doesn't exist"),
    (re.compile(r"unknown database (?P<name>\S+)"), 1049, "Unknown database '{name}'"),
    (re.compile(r"table (?P<name>\S+) already exists"), 1050, "Table '{name}' already exists"),
    (re.compile(r"index (?P<name>\S+) already exists"), 1061, "Duplicate key name '{name}'"),
    (re.compile(r"no such column: (?P<name>\S+)"), 1054, "Unknown column '{name}' in 'field list'"),
    (re.compile(r"has no column named (?P<name>\S+)"), 1054, "Unknown column '{name}' in 'field list'"),
    (re.compile(r"UNIQUE constraint failed: (?P<name>.+)"), 1062, "Duplicate entry for key '{name}'"),
    (re.compile(r"NOT NULL constraint failed: (?P<name>.+)"), 1048, "Column '{name}' cannot be null"),
    (re.compile(r"FOREIGN KEY constraint failed"), 1452, "Cannot add or update a child row"),
    (re.compile(r"database is locked"), 1205, "Lock wait timeout exceeded; try restarting transaction"),
    (re.compile(r"no such function: (?P<name>\S+)"), 1305, "FUNCTION {name} does not exist"),
    (re.compile(r"syntax error|incomplete input"), 1064, "You have an error in your SQL syntax"),
)


def error(refused: sqlite3.Error) -> tuple[int, str]:
    """Return MySQL's number and message for an error of SQLite."""
    text = str(refused)
    for pattern, code, message in _ERRORS:
        if found := pattern.search(text):
            return code, message.format(**found.groupdict())
    return 1105, text
