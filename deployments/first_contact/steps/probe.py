"""The probe stack: the types of resources that environments have, except servers and databases."""

from __future__ import annotations

from deployments.aws.cloudformation import StackView
from deployments.first_contact.rules.answers import TAG, Expect
from deployments.first_contact.rules.step_names import PROBE
from deployments.first_contact.steps import small_stack
from deployments.first_contact.steps.contact import Contact


def take(contact: Contact) -> None:
    """Create the stack, note what AWS says of it and of its resources, and delete it."""
    small_stack.take(contact, PROBE, {"Boundary": contact.account.boundary}, _resources)


def _resources(contact: Contact, stack: StackView) -> None:
    """Read the resources as the observers of an environment do."""
    of, tag = stack.outputs, contact.run.tag
    balancer, group = of["LoadBalancer"], of["TargetGroup"]
    contact.check("elbv2.load_balancers", lambda aws: aws.elbv2.load_balancers([balancer]))
    contact.check("elbv2.target_groups", lambda aws: aws.elbv2.target_groups([group]))
    contact.check("elbv2.target_health", lambda aws: aws.elbv2.target_health(group), Expect.EMPTY)
    protected = contact.quietly(lambda aws: aws.elbv2.deletion_protection(balancer))[0]
    contact.note("elbv2.deletion_protection", str(protected))
    contact.check("ec2.network_in", lambda aws: aws.ec2.network_in(of["Vpc"]))
    contact.check("ec2.network_interfaces", lambda aws: aws.ec2.network_interfaces([of["Vpc"]]))
    contact.check("logs.log_groups", lambda aws: aws.logs.log_groups(of["LogGroupName"]))
    association = of["Association"]
    contact.check("ssm.associations", lambda aws: aws.ssm.associations([association]))
    contact.check("ssm.association_calls", lambda aws: aws.ssm.association_calls([association]))
    contact.check("ssm.executions", lambda aws: aws.ssm.executions(association, 10), Expect.EMPTY)
    contact.check("tagging.tagged", lambda aws: aws.tagging.tagged(TAG, tag))
