"""A database in this process for machines without MariaDB: MySQL's protocol over SQLite."""
