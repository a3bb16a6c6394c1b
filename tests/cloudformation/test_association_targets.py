"""Which tags the associations of a template set target, as far as its templates say so."""

from __future__ import annotations

from pathlib import Path

from deployments.cloudformation.nested_templates import TemplateSide, stacks_of
from deployments.cloudformation.server_associations import tagged_targets
from deployments.template_sets.template_files.template_set import load

ROOT = Path(__file__).parents[2]


def of(folder: Path, **values: str) -> dict[str, str]:
    """Return the targets of a set's associations by their path."""
    found = load(folder)
    side = TemplateSide(templates=found.contents, root=found.root.name, values=values)
    return {one.path: one.text for one in tagged_targets(stacks_of(side))}


def test_the_articles_associations_target_a_tag_that_says_nothing_of_the_environment() -> None:
    assert of(ROOT / "tests" / "sandbox" / "article_set", Prefix="fa-094") == {
        "AssociationStack/AppServerAssociation": "Server=App",
        "AssociationStack/WebServerAssociation": "Server=ApacheWeb",
    }


def test_the_bundled_sets_associations_also_need_the_tag_with_the_stacks_name() -> None:
    assert of(ROOT / "infra_templates") == {}


def test_values_are_those_of_parameters_and_anything_unknown_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "root.yaml").write_text("""
Parameters: {Role: {Type: String, Default: web}, Off: {Type: String, Default: "yes"}}
Conditions: {IsOn: !Equals [!Ref Off, "no"]}
Resources:
  Two:
    Type: AWS::SSM::Association
    Properties:
      Targets: [{Key: "tag:Role", Values: [!Ref Role, batch]}, {Key: !Sub "tag:${Role}", Values: ["1"]}]
  Unknown:
    Type: AWS::SSM::Association
    Properties: {Targets: [{Key: "tag:A", Values: [b]}, {Key: "tag:Stack", Values: [!Ref AWS::StackName]}]}
  Named: {Type: AWS::SSM::Association, Properties: {Targets: [{Key: InstanceIds, Values: [i-1]}]}}
  None: {Type: AWS::SSM::Association, Condition: IsOn, Properties: {Targets: [{Key: "tag:A", Values: [b]}]}}
  Wrong: {Type: AWS::SSM::Association, Properties: {Targets: tag}}
""")

    assert of(tmp_path, Role="app") == {"Two": "Role=app | batch, app=1"}
