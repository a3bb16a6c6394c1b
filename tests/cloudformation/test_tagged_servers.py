"""Which tags the templates of a set give to servers, and whose associations these match."""

from __future__ import annotations

from pathlib import Path

from deployments.cloudformation.nested_templates import TemplateSide, TemplateStack, stacks_of
from deployments.cloudformation.server_associations import (
    CATCHING,
    CAUGHT,
    DeployedSide,
    RunningServer,
    TaggedServers,
    TaggedTargets,
    caught,
    tagged_servers,
    tagged_targets,
)
from deployments.template_sets.template_files.template_set import load

ROOT = Path(__file__).parents[2]
ARTICLE = ROOT / "tests" / "sandbox" / "article_set"


def stacks(folder: Path, **values: str) -> dict[str, TemplateStack]:
    found = load(folder)
    return stacks_of(TemplateSide(templates=found.contents, root=found.root.name, values=values))


def tags(folder: Path, **values: str) -> dict[str, dict[str, str]]:
    return {one.path: dict(one.tags) for one in tagged_servers(stacks(folder, **values))}


def test_the_article_and_the_bundled_set_give_their_servers_the_same_tag() -> None:
    article, bundled = tags(ARTICLE, Prefix="fa-094"), tags(ROOT / "infra_templates")

    assert sorted(one["Server"] for one in article.values()) == ["ApacheWeb", "App"]
    assert {path: one["Server"] for path, one in bundled.items()} == {
        "AppServers/AutoScalingGroup": "App",
        "WebServers/AutoScalingGroup": "ApacheWeb",
    }
    assert all("EnvironmentStack" not in one for one in bundled.values())  # the stack's name is not known


def test_tags_come_from_launch_templates_groups_and_instances(tmp_path: Path) -> None:
    (tmp_path / "root.yaml").write_text("""
Parameters: {Role: {Type: String, Default: web}}
Resources:
  Launch:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        TagSpecifications:
          - {ResourceType: volume, Tags: [{Key: Volume, Value: "1"}]}
          - {ResourceType: instance, Tags: [{Key: Role, Value: !Ref Role}, {Key: Kind, Value: template}]}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      LaunchTemplate: {LaunchTemplateId: !Ref Launch, Version: "1"}
      Tags:
        - {Key: Kind, Value: group, PropagateAtLaunch: true}
        - {Key: Hidden, Value: "1", PropagateAtLaunch: false}
  Mixed:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MixedInstancesPolicy: {LaunchTemplate: {LaunchTemplateSpecification: {LaunchTemplateName: !Ref Launch}}}
  Machine: {Type: AWS::EC2::Instance, Properties: {Tags: [{Key: Role, Value: !Sub "${Role}-one"}]}}
  Unknown: {Type: AWS::EC2::Instance, Properties: {Tags: [{Key: Stack, Value: !Ref AWS::StackName}]}}
  Wrong: {Type: AWS::EC2::Instance, Properties: {Tags: yes, LaunchTemplate: [1]}}
""")

    assert tags(tmp_path, Role="app") == {
        "Group": {"Role": "app", "Kind": "group"},
        "Mixed": {"Role": "app", "Kind": "template"},
        "Machine": {"Role": "app-one"},
        "Unknown": {},
        "Wrong": {},
    }


def test_both_directions_are_found_and_each_other_environment_is_named_by_itself() -> None:
    web = TaggedTargets(path="Web", tags=(("Server", ("ApacheWeb", "Nginx")),))
    running = [
        RunningServer(instance_id="i-2", environment="shop", tags={"Server": "ApacheWeb", "More": "1"}),
        RunningServer(instance_id="i-1", environment="shop", tags={"Server": "Nginx"}),
        RunningServer(instance_id="i-3", tags={"Server": "ApacheWeb"}),
        RunningServer(instance_id="i-4", environment="shop", tags={"Server": "App"}),
    ]
    own = [TaggedServers(path="Web/Group", tags={"Server": "ApacheWeb"}), TaggedServers(path="App", tags={})]

    found = list(caught([web], own, running, [DeployedSide(environment="shop", targets=(web,))]))

    assert [(one.code, one.environment, one.servers) for one in found] == [
        (CAUGHT, "", ("i-3",)),
        (CAUGHT, "shop", ("i-1", "i-2")),
        (CATCHING, "shop", ("Web/Group",)),
    ]
    assert len({(one.code, one.key) for one in found}) == 3


def test_an_article_catches_the_servers_of_a_bundled_set_but_not_the_other_way_round() -> None:
    article, bundled = stacks(ARTICLE, Prefix="fa-094"), stacks(ROOT / "infra_templates")
    sides = [DeployedSide(environment="article", targets=tuple(tagged_targets(article)))]
    others = [DeployedSide(environment="shop", targets=tuple(tagged_targets(bundled)))]

    assert {one.servers for one in caught((), tagged_servers(bundled), (), sides)} == {
        ("AppServers/AutoScalingGroup",),
        ("WebServers/AutoScalingGroup",),
    }
    assert list(caught((), tagged_servers(article), (), others)) == []
