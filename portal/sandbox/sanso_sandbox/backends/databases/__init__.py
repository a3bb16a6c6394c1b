"""The databases behind RDS endpoints: MariaDB servers for each cluster, or an embedded database.

Both serve MySQL's protocol with TLS on loopback. On Linux, every cluster has two separate addresses in
127.0.0.0/8, its writer and its reader endpoint, so that it can use the port in its template.

aurora.py is a cluster of MariaDB servers · mariadb.py is one server · nodes.py, roles.py, replication.py and
reconciler.py keep one server as the writer and the others as its replicas · data_copies.py copies their data
for snapshots and restores, and binary_log.py finds where a restore ends · cluster_endpoints.py, relays.py and
relay_process.py connect the endpoints to them · embedded/ is the other kind.
"""
