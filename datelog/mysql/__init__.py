"""A Django database engine with mysqlclient, or PyMySQL where that is not installed (a trial on a laptop)."""

try:
    import MySQLdb  # noqa: F401 - only checks that it is installed
except ImportError:
    import pymysql

    pymysql.install_as_MySQLdb()
