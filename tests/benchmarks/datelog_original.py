"""An app with the original article's behavior, rewritten for comparison; not part of the product.

A table with one column, a connection for each request, every row converted to a datetime and back to text.
"""

from __future__ import annotations

import datetime
import json
import os
from typing import Any

import flask
import mysql.connector  # type: ignore[import-not-found] # installed for the run only

FORMAT = "%Y-%m-%d %H:%M:%S"
TABLE = os.environ["DB_TABLENAME"]

application = flask.Flask(__name__)


def connect(endpoint: str) -> Any:
    host, _, port = os.environ[endpoint].rpartition(":")
    return mysql.connector.connect(
        host=host,
        port=int(port),
        user=os.environ["DB_USER"],
        password=os.environ["DB_PASSWORD"],
        database=os.environ["DB_NAME"],
        ssl_disabled=os.environ.get("DB_TLS") == "off",
    )


def read() -> str:
    connection = connect("DB_READ_ENDPOINT_ADDRESS")
    cursor = connection.cursor()
    cursor.execute(f"select * from {TABLE};")
    body = json.dumps([row[0].strftime(FORMAT) for row in cursor], indent=2)
    cursor.close()
    connection.close()
    return body


def write() -> str:
    connection = connect("DB_WRITE_ENDPOINT_ADDRESS")
    cursor = connection.cursor()
    now = datetime.datetime.now().strftime(FORMAT)  # noqa: DTZ005 - as the original does
    cursor.execute(f'insert into {TABLE} values ("{now}");')
    cursor.close()
    connection.commit()
    connection.close()
    return f"Saved: {now}"


for path, view in (("/", read), ("/read", read), ("/write", write)):
    application.add_url_rule(path, path, view)
