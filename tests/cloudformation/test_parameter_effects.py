"""The effects of a changed parameter, by the causing chains of recorded and small changes."""

from __future__ import annotations

from deployments.cloudformation.change_summary import parameter_effects
from deployments.cloudformation.changes import CauseLink, ChangedProperty, ChangedResource, Changes, Effect
from tests.previews import recorded_changes


def detail(
    name: str, parameter: str, recreation: str = "Never", *, kind: str = "parameter"
) -> ChangedProperty:
    because = (CauseLink(kind=kind, name=parameter), CauseLink(kind="stack", name="Inner"))
    return ChangedProperty(name=name, recreation=recreation, because=because)


def effects_of(*resources: ChangedResource) -> dict[str, dict[str, list[str]]]:
    found = parameter_effects(Changes(resources=resources))
    return {
        name: {str(effect): [one.name for one in of] for effect, of in effects.items()}
        for name, effects in found.items()
    }


def test_a_recorded_change_of_the_database_s_name_deletes_its_data() -> None:
    found = parameter_effects(recorded_changes("database"))

    assert list(found) == ["DatabaseName"]
    effects = found["DatabaseName"]
    assert next(iter(effects)) is Effect.DELETES_DATA
    assert [one.name for one in effects[Effect.DELETES_DATA]] == ["DbCluster"]


def test_a_resource_is_replaced_because_of_the_parameter_whose_property_replaces_it() -> None:
    server = ChangedResource(
        path="Inner/Server",
        action="replace",
        effect="replaced",
        properties=(detail("ImageId", "Image", "Always"), detail("Tags", "Owner", kind="default")),
    )

    assert effects_of(server) == {"Image": {"replaced": ["Server"]}, "Owner": {"updated": ["Server"]}}


def test_changes_that_are_improbable_or_have_another_cause_are_left_out() -> None:
    same = ChangedResource(
        path="Same", action="modify", effect="unchanged", properties=(detail("Name", "Image"),)
    )
    text = ChangedResource(
        path="Text", action="modify", properties=(detail("Name", "root.yaml", kind="template"),)
    )

    assert effects_of(same, text) == {}
