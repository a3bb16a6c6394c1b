"""The databases behind RDS endpoints: MariaDB servers for each cluster, or an embedded one without MariaDB.

Both speak MySQL's protocol with TLS on loopback. On Linux every cluster has two addresses of its own in
127.0.0.0/8, its writer and its reader endpoint, so that a cluster gets the port of its template.

aurora.py is a cluster of MariaDB servers · mariadb.py is one server · nodes.py, roles.py, replication.py and
reconciler.py keep one writing and the others following · cluster_endpoints.py, relays.py and relay_process.py
lead the endpoints to them · embedded/ is the other kind.
"""
