"""A Django database engine over mysqlclient, or PyMySQL where that is not built (a try-out on a laptop)."""

try:
    import MySQLdb  # noqa: F401 - only looks whether it is there
except ImportError:
    import pymysql

    pymysql.install_as_MySQLdb()
