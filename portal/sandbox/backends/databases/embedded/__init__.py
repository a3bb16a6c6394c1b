"""A database in this process for where MariaDB is not installed: MySQL's protocol over SQLite."""
