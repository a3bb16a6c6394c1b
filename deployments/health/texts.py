"""The English texts of health: why a target, a server, a tier or the site is not healthy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_noop as N_

from deployments.common.message_codes import Code

HEALTH: Final[Mapping[Code, str]] = {
    Code.TARGET_DRAINING: N_("%(where)s is being deregistered and receives no new requests."),
    Code.TARGET_INITIAL: N_("%(where)s is in its initial health check."),
    Code.TARGET_UNHEALTHY: N_("%(where)s fails its health checks (%(code)s)."),
    Code.TARGET_UNUSED: N_("%(where)s receives no requests (%(code)s)."),
    Code.TARGET_UNAVAILABLE: N_("%(where)s is not health-checked (%(code)s)."),
    Code.TARGET_REGISTERING: N_("%(where)s is being registered with its load balancer."),
    Code.TARGET_RESPONSE_CODE: N_("%(where)s returns an unexpected HTTP status to health checks (%(code)s)."),
    Code.TARGET_TIMEOUT: N_("%(where)s does not respond to health checks in time (%(code)s)."),
    Code.TARGET_FAILED_CHECKS: N_(
        "%(where)s fails its health check: no connection, or an invalid response (%(code)s)."
    ),
    Code.TARGET_NOT_REGISTERED: N_("%(where)s is not registered with its target group (%(code)s)."),
    Code.TARGET_NOT_IN_USE: N_("No load balancer uses the target group of %(where)s in its zone (%(code)s)."),
    Code.TARGET_STOPPED: N_("%(where)s is stopped or terminated (%(code)s)."),
    Code.TARGET_IP_UNUSABLE: N_("The address of %(where)s is used by a load balancer (%(code)s)."),
    Code.TARGET_CHECK_DISABLED: N_("Health checks of %(where)s are disabled (%(code)s)."),
    Code.TARGET_BALANCER_ERROR: N_("The load balancer of %(where)s has an internal error (%(code)s)."),
    Code.CHECK_NO_OUTBOUND_RULE: N_(
        "%(where)s does not respond to health checks (%(code)s): no outbound rule of %(lacking)s allows "
        "%(traffic)s to %(peer)s."
    ),
    Code.CHECK_NO_INBOUND_RULE: N_(
        "%(where)s does not respond to health checks (%(code)s): no inbound rule of %(lacking)s allows "
        "%(traffic)s from %(peer)s."
    ),
    Code.CHECK_NO_OUTBOUND_ENTRY: N_(
        "%(where)s does not respond to health checks (%(code)s): the network ACL %(lacking)s does not allow "
        "outbound %(traffic)s to %(peer)s."
    ),
    Code.CHECK_NO_INBOUND_ENTRY: N_(
        "%(where)s does not respond to health checks (%(code)s): the network ACL %(lacking)s does not allow "
        "inbound %(traffic)s from %(peer)s."
    ),
    Code.CHECK_NO_ROUTE: N_(
        "%(where)s does not respond to health checks (%(code)s): the route table %(lacking)s has no route to "
        "%(traffic)s."
    ),
    Code.PATH_NO_OUTBOUND_RULE: N_(
        "%(source)s cannot reach %(destination)s: no outbound rule of %(lacking)s allows %(traffic)s to "
        "%(peer)s."
    ),
    Code.PATH_NO_INBOUND_RULE: N_(
        "%(source)s cannot reach %(destination)s: no inbound rule of %(lacking)s allows %(traffic)s from "
        "%(peer)s."
    ),
    Code.PATH_NO_OUTBOUND_ENTRY: N_(
        "%(source)s cannot reach %(destination)s: the network ACL %(lacking)s does not allow outbound "
        "%(traffic)s to %(peer)s."
    ),
    Code.PATH_NO_INBOUND_ENTRY: N_(
        "%(source)s cannot reach %(destination)s: the network ACL %(lacking)s does not allow inbound "
        "%(traffic)s from %(peer)s."
    ),
    Code.PATH_NO_ROUTE: N_(
        "%(source)s cannot reach %(destination)s: the route table %(lacking)s has no route to %(traffic)s."
    ),
    Code.PATH_NO_GATEWAY: N_(
        "%(source)s cannot reach %(destination)s: the gateway %(lacking)s does not lead to %(traffic)s."
    ),
    Code.PATH_NO_ADDRESS: N_(
        "%(source)s cannot reach %(destination)s: %(lacking)s has no route to a NAT gateway."
    ),
    Code.BALANCER_PROVISIONING: N_("%(where)s is being provisioned."),
    Code.BALANCER_IMPAIRED: N_("%(where)s routes requests but cannot scale (%(code)s)."),
    Code.BALANCER_FAILED: N_("%(where)s could not be provisioned (%(code)s)."),
    Code.INSTANCE_STARTING: N_("%(where)s is starting (%(code)s)."),
    Code.INSTANCE_LEAVING: N_("%(where)s is leaving its Auto Scaling group (%(code)s)."),
    Code.INSTANCE_STANDBY: N_("%(where)s is in standby (%(code)s)."),
    Code.INSTANCE_QUARANTINED: N_("%(where)s is in quarantine (%(code)s)."),
    Code.INSTANCE_MARKED_UNHEALTHY: N_(
        "The Auto Scaling group marks %(where)s as unhealthy and will replace it."
    ),
    Code.DATABASE_CREATING: N_("%(where)s is being created (%(code)s)."),
    Code.DATABASE_MODIFYING: N_("%(where)s is available but being modified (%(code)s)."),
    Code.DATABASE_UNAVAILABLE: N_("%(where)s is not available (%(code)s)."),
    Code.DATABASE_FAILED: N_("%(where)s has failed (%(code)s)."),
    Code.DATA_OUT_OF_DATE: N_("The data about %(where)s is out of date."),
    Code.ASSOCIATION_NOT_POLLED: N_("The association of %(where)s has not been read from State Manager yet."),
    Code.ASSOCIATION_WAITS_FOR_INSTANCES: N_("%(name)s is waiting for %(count)s more instance(s)."),
    Code.ASSOCIATION_NOT_SUCCEEDED: N_("%(name)s has not succeeded: State Manager reports %(code)s."),
    Code.TARGETS_NOT_POLLED: N_("The targets of the %(where)s tier have not been read yet."),
    Code.SERVERS_NOT_REGISTERED: N_(
        "Waiting for %(count)s more server(s) to register in the %(where)s tier."
    ),
    Code.SITE_CHECK_PENDING: N_("The site check through the load balancer has not succeeded yet."),
    Code.RUN_NOT_STARTED: N_("%(name)s has not run on %(instance)s yet."),
    Code.RUN_NOT_FINISHED: N_("%(name)s has not finished on %(instance)s (%(code)s)."),
    Code.RUN_FAILED: N_("%(name)s failed on %(instance)s (%(code)s)."),
    Code.RUN_FAILED_BECAUSE: N_("%(name)s failed on %(instance)s (%(code)s): %(reason)s"),
    Code.RUN_TASK_FAILED: N_("%(name)s failed on %(instance)s in the task “%(task)s”."),
    Code.RUN_TASK_FAILED_BECAUSE: N_("%(name)s failed on %(instance)s in the task “%(task)s”: %(reason)s"),
    Code.TARGET_NOT_HEALTHY: N_("%(where)s is not healthy yet (%(code)s)."),
    Code.NOTHING_TO_MONITOR: N_("Its templates have no servers, load balancers or databases to monitor."),
    Code.ENVIRONMENT_CREATING: N_("It is being created."),
    Code.NOT_CREATED_YET: N_("Nothing exists in AWS yet."),
    Code.CREATION_FAILED: N_("Its creation failed: there is nothing to monitor."),
    Code.NOT_OBSERVED: N_("%(where)s has not been observed yet."),
    Code.NO_SERVERS: N_("%(where)s has no servers."),
    Code.NO_SERVER_IN_SERVICE: N_("No %(tier)s server is in service."),
    Code.NO_SERVER_HEALTHY: N_(
        "No %(tier)s server is in service: health checks fail on %(servers)s (%(code)s)."
    ),
    Code.SERVER_FAILS_CHECK: N_(
        "%(count)s of %(total)s %(tier)s servers fails its health check (%(servers)s)."
    ),
    Code.SERVERS_FAIL_CHECKS: N_(
        "%(count)s of %(total)s %(tier)s servers fail their health checks (%(servers)s)."
    ),
    Code.NO_SERVER_CHECKING: N_(
        "No %(tier)s server is in service; the load balancer is running its first checks of %(new)s."
    ),
    Code.NO_SERVER_CHECKING_REPLACEMENT: N_(
        "No %(tier)s server is in service; the load balancer is running its first checks of %(new)s in place "
        "of %(old)s."
    ),
    Code.NO_SERVER_CONFIGURING: N_("No %(tier)s server is in service; State Manager is configuring %(new)s."),
    Code.NO_SERVER_CONFIGURING_REPLACEMENT: N_(
        "No %(tier)s server is in service; State Manager is configuring %(new)s in place of %(old)s."
    ),
    Code.NO_SERVER_STARTING: N_("No %(tier)s server is in service; Auto Scaling is starting %(new)s."),
    Code.NO_SERVER_STARTING_REPLACEMENT: N_(
        "No %(tier)s server is in service; Auto Scaling is starting %(new)s in place of %(old)s."
    ),
    Code.SERVERS_REPLACED: N_(
        "The %(tier)s servers are being replaced: %(new)s is not in service yet; %(old)s serves until it "
        "has left."
    ),
    Code.SERVERS_MISSING: N_("%(where)s has %(count)s of %(total)s servers."),
    Code.NO_WRITER: N_("%(where)s has no writer."),
    Code.SITE_READS_FAILED: N_("None of %(total)s reads of the site succeeded."),
    Code.SITE_READS_FAILING: N_("%(count)s of %(total)s reads of the site failed."),
    Code.SERVER_NOT_REGISTERED: N_("%(where)s is not registered with a load balancer."),
    Code.SERVER_TASK_FAILED: N_("Configuration of %(where)s failed in the task “%(task)s” of %(name)s."),
    Code.SERVER_TASK_FAILED_BECAUSE: N_(
        "Configuration of %(where)s failed in the task “%(task)s” of %(name)s: %(reason)s"
    ),
    Code.SERVER_NOT_CONFIGURED: N_("Configuration of %(where)s failed: %(name)s ended with %(code)s."),
    Code.SERVER_NOT_CONFIGURED_BECAUSE: N_(
        "Configuration of %(where)s failed: %(name)s ended with %(code)s: %(reason)s"
    ),
    Code.DATABASE_NOT_FOUND: N_("The environment has no such database cluster, or it is not observed yet."),
    Code.DATABASE_NOT_NAMED: N_(
        "The environment has several database clusters. Name one of them: %(names)s."
    ),
    Code.SNAPSHOT_TAKEN: N_("The snapshot %(snapshot)s is available."),
    Code.SNAPSHOT_QUOTA: N_(
        "The quota of manual cluster snapshots of this account and region is exceeded (%(code)s). Delete "
        "snapshots that are no longer needed, or request a higher quota in Service Quotas; then take the "
        "snapshot again."
    ),
    Code.SNAPSHOT_NAME_TAKEN: N_(
        "Another cluster has a snapshot with the name %(snapshot)s. Take the snapshot again: it gets another "
        "name."
    ),
    Code.SNAPSHOT_CLUSTER_BUSY: N_(
        "RDS takes snapshots of available clusters only, and %(cluster)s is not available now (%(code)s). "
        "Wait until its status is Available, then take the snapshot again."
    ),
    Code.SNAPSHOT_CLUSTER_GONE: N_(
        "The cluster %(cluster)s no longer exists (%(code)s): no snapshot of it can be taken."
    ),
    Code.SNAPSHOT_KEY_INACCESSIBLE: N_(
        "RDS cannot use the key that encrypts %(cluster)s (%(code)s). Enable the key in KMS, or allow RDS to "
        "use it; then take the snapshot again."
    ),
    Code.SNAPSHOT_FAILED: N_(
        "RDS could not complete the snapshot %(snapshot)s (%(status)s). Delete it in RDS, then take another "
        "one."
    ),
    Code.SNAPSHOT_GONE: N_(
        "The snapshot %(snapshot)s was deleted before it was available. Take another one."
    ),
    Code.SNAPSHOT_TIMED_OUT: N_(
        "After %(hours)s hours, the snapshot %(snapshot)s is not available yet. RDS continues; the list of "
        "snapshots has its status."
    ),
}
