"""The effects of a change on each tier, as text."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from deployments.changes.pages.preview.cards import release_card
from deployments.changes.pages.preview.texts import sentences
from deployments.changes.rules.assessment import (
    AffectedTier,
    ChangeAssessment,
    Impact,
    Likelihood,
    Outage,
    assessment,
    outage_of_all,
)
from deployments.changes.texts.assessment import outage_text, sentence
from deployments.cloudformation.changes import ChangedProperty, ChangedResource, Changes, Effect
from deployments.cloudformation.nested_templates import TemplateSide, TemplateStack, stacks_of
from deployments.cloudformation.release_kind import Release, ReleaseKind
from deployments.cloudformation.status import OperationKind
from deployments.cloudformation.usual_durations import DurationHistory, PastDuration
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.template_sets import template_files
from tests.cloudformation.recorded import recorded
from tests.previews import recorded_changes

GROUP = "AWS::AutoScaling::AutoScalingGroup"
SET = template_files.load(Path(__file__).parents[3] / "infra_templates")
NO_HISTORY = DurationHistory((), OperationKind.UPDATE)


def planned(**values: str) -> dict[str, TemplateStack]:
    """Return the stacks of the bundled set with some values."""
    known = {**recorded("scale").after.values, **values}
    return stacks_of(TemplateSide(templates=SET.contents, root=SET.root.name, values=known))


@dataclass
class OnlyTier:
    """What a preview says of its only tier."""

    sentences: list[str]
    outage: str


def tier(
    *resources: ChangedResource, usual: DurationHistory = NO_HISTORY, stacks: dict[str, TemplateStack]
) -> OnlyTier:
    (found,) = assessment(Changes(resources=resources), usual, stacks).tiers
    return OnlyTier(sentences(found, stacks), outage_text(found.outage))


def changed(path: str, type_: str, *properties: str, **values: Any) -> ChangedResource:
    details = tuple(ChangedProperty(name=one) for one in properties)
    return ChangedResource(path=path, action="modify", type=type_, properties=details, **values)


IMAGE = changed("AppServers/AutoScalingGroup", GROUP, "LaunchTemplate")
INSTANCE = changed("DatabaseInstanceA", "AWS::RDS::DBInstance", "DBInstanceClass")


def test_several_servers_are_replaced_one_at_a_time_without_an_outage() -> None:
    found = tier(IMAGE, stacks=planned(AppServerCount="3"))
    assert " ".join(found.sentences) == (
        "3 servers are replaced one at a time. At least 1 stays in service. "
        "If a new one does not signal success, the update is rolled back."
    )
    assert found.outage == "None expected"


def test_the_only_server_is_replaced_with_an_outage() -> None:
    found = tier(IMAGE, stacks=planned(AppServerCount="1"))
    assert "The server is replaced. None is in service meanwhile." in " ".join(found.sentences)
    assert found.outage == "Yes; its duration is not known"


def test_an_outage_lasts_at_most_as_long_as_earlier_updates_did() -> None:
    past = [PastDuration(IMAGE.path, GROUP, 240.0, here=True)]
    usual = DurationHistory(past, OperationKind.UPDATE)
    found = tier(IMAGE, usual=usual, stacks=planned(AppServerCount="1"))
    assert found.outage == "Up to about 4 min"


def test_without_the_template_no_policy_is_claimed() -> None:
    found = tier(IMAGE, stacks={})
    assert found.sentences == ["Servers are replaced as the group's update policy says."]


def test_more_servers_leave_the_running_ones() -> None:
    changes = recorded_changes("scale")
    (found,) = [one for one in assessment(changes, NO_HISTORY, planned()).tiers if one.name == "AppServers"]
    assert "1 server is added. Running servers stay." in " ".join(sentences(found, planned()))


@pytest.mark.parametrize(
    ("effect", "outage"),
    [
        (Effect.REPLACED, "Yes; its duration is not known"),
        (Effect.MAY_BE_REPLACED, "Possible"),
        (Effect.UPDATED, "None expected"),
        (Effect.ADDED, "None expected"),
    ],
)
def test_an_outage_is_only_ruled_out_where_nothing_is_replaced(effect: Effect, outage: str) -> None:
    group = ChangedResource(path="AppServers/AutoScalingGroup", action="modify", type=GROUP, effect=effect)
    assert tier(group, stacks=planned()).outage == outage


def test_data_that_may_be_lost_may_also_be_an_outage() -> None:
    one = changed("Aurora/DbCluster", "AWS::RDS::DBCluster", data="database", effect=Effect.MAY_DELETE_DATA)
    found = tier(one, stacks={})
    assert found.sentences == ["The data of DbCluster may be lost."]
    assert found.outage == "Possible"


def test_another_class_of_a_database_interrupts_its_connections() -> None:
    assert tier(INSTANCE, stacks={}).outage == "Yes; its duration is not known"


def test_every_changed_resource_is_mentioned() -> None:
    others = [
        ChangedResource(path=f"Iam/{effect}", action="modify", type="AWS::IAM::Role", effect=effect)
        for effect in (
            Effect.REPLACED, Effect.MAY_BE_REPLACED, Effect.UPDATED, Effect.ADDED, Effect.REMOVED,
        )
    ]  # fmt: skip
    assert tier(*others, stacks={}).sentences == [
        "1 resource is replaced.",
        "1 resource may be replaced.",
        "1 resource is updated in place.",
        "1 resource is created.",
        "1 resource is deleted.",
    ]


def test_an_association_says_how_many_servers_it_runs_on_at_a_time() -> None:
    one = changed("Configuration/AppServerAssociation", "AWS::SSM::Association", "Parameters")
    stacks = planned()
    name = next(name for name, body in stacks["Configuration"].resources.items() if body["Type"] == one.type)
    found = tier(changed(f"Configuration/{name}", one.type, "Parameters"), stacks=stacks)
    assert found.sentences == [f"{name} runs again on its servers, on at most 50% of them at a time."]


def test_the_outage_of_a_change_is_that_of_its_most_serious_tier_and_of_a_release() -> None:
    """A set without nested stacks has one tier, the root; servers of other tiers count as well."""
    stacks = planned(AppServerCount="1")
    release = Release(kind=ReleaseKind.NONE, reason=Message(Code.RELEASE_NO_FILES), stack="WebServers")
    root = ChangedResource(path="Group", action="modify", type=GROUP, effect=Effect.MAY_BE_REPLACED)

    for resources in ([root], [IMAGE], [root, IMAGE]):
        found = assessment(Changes(resources=tuple(resources)), NO_HISTORY, stacks, release)
        card = release_card(release, found.tiers)
        assert card is not None
        assert found.outage == outage_of_all(found.tiers) != Outage()
        assert not any("Running servers keep" in step for step in card.steps)


@given(st.lists(st.sampled_from(list(itertools.product(Likelihood, (0, 1, 40))))))
def test_no_tier_has_a_more_serious_outage_than_the_whole_change(found: list[tuple[Likelihood, int]]) -> None:
    listed = [AffectedTier(name="", outage=Outage(likelihood, minutes)) for likelihood, minutes in found]
    whole = outage_of_all(listed)
    assert all(one.outage.likelihood <= whole.likelihood for one in listed)
    assert whole.likelihood is Likelihood.NOT_EXPECTED or whole in {one.outage for one in listed}


REPLICA = changed("DatabaseInstanceB", "AWS::RDS::DBInstance", "DBInstanceClass")
NEW_CLUSTER = changed("Aurora/DbCluster", "AWS::RDS::DBCluster", data="database", effect=Effect.DELETES_DATA)
ROLE = changed("Iam/Role", "AWS::IAM::Role")
HIDDEN = changed("Aurora", "AWS::CloudFormation::Stack", effect=Effect.STACK)


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([], "Probably changes nothing: no outage expected"),
        ([ROLE], "Changes 1 resource in place: no outage expected"),
        (
            [IMAGE, INSTANCE, REPLICA],
            "Replaces 3 servers and interrupts connections to DatabaseInstanceA, DatabaseInstanceB: "
            "an outage of unknown duration",
        ),
        (
            [NEW_CLUSTER, IMAGE, ROLE],
            "Deletes the data of DbCluster and replaces 3 servers: an outage of unknown duration",
        ),
    ],
)
def test_the_assessment_names_the_most_serious_first_and_the_outage(
    resources: list[ChangedResource], expected: str
) -> None:
    found = assessment(Changes(resources=tuple(resources)), NO_HISTORY, planned(AppServerCount="3"))
    assert sentence(found) == expected
    assert sentence(ChangeAssessment.from_json(json.loads(json.dumps(found.to_json())))) == expected


def test_a_name_at_the_beginning_of_a_part_keeps_its_letters_in_japanese() -> None:
    found = assessment(Changes(resources=(IMAGE, INSTANCE)), NO_HISTORY, planned(AppServerCount="3"))
    with translation.override("ja"):
        assert "、DatabaseInstanceA " in sentence(found)


def test_what_an_update_in_place_does_to_servers_and_connections_is_said_of_the_resource() -> None:
    found = assessment(Changes(resources=(IMAGE, INSTANCE, ROLE)), NO_HISTORY, planned(AppServerCount="3"))
    assert found.impacts == {IMAGE.path: Impact.REPLACES_SERVERS, INSTANCE.path: Impact.INTERRUPTS}


def test_without_the_template_the_number_of_replaced_servers_is_not_claimed() -> None:
    found = assessment(Changes(resources=(IMAGE,)), NO_HISTORY, {})
    assert found.servers is None
    assert sentence(found).startswith("Replaces servers:")


def test_an_outage_cannot_be_ruled_out_in_stacks_that_are_not_computed() -> None:
    found = assessment(Changes(resources=(HIDDEN,), root_only=True), NO_HISTORY, planned())
    assert sentence(found) == "Changes 1 nested stack in ways that are not known: an outage is possible"
