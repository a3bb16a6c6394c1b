"""The rows of every package, so that Django finds them. Only Django imports this module."""

import deployments.access.models.audit_records
import deployments.access.models.grants
import deployments.access.models.tokens
import deployments.accounts.models
import deployments.administration.models.invitations
import deployments.administration.models.replay_protection
import deployments.administration.models.sessions
import deployments.call_logs.models
import deployments.changes.models.approvals
import deployments.common.models.idempotency
import deployments.environments.models.accounts
import deployments.environments.models.deployments
import deployments.environments.models.environments
import deployments.failures.models
import deployments.first_contact.models
import deployments.health.models.balancing
import deployments.health.models.configuration
import deployments.health.models.database
import deployments.health.models.fleet
import deployments.health.models.maintenance
import deployments.health.models.metrics
import deployments.health.models.observing
import deployments.health.models.samples
import deployments.health.models.site
import deployments.locks.models
import deployments.notifications.models
import deployments.releases.models
import deployments.restore_drills.models
import deployments.stacks.models.action_requests
import deployments.stacks.models.durations
import deployments.stacks.models.events
import deployments.stacks.models.stacks
import deployments.template_sets.models.sources
import deployments.template_sets.models.stored_sets
import deployments.template_sets.models.versions  # noqa: F401
