"""The root of a set and its missing nested templates, with names resolved as CloudFormation does."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.cloudformation import dependencies
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.template_sets.template_files.template_set import load

ARTICLE_SET = Path(__file__).parents[2] / "sandbox" / "article_set"
HEAD = "https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}"
LEAF = "Resources: {A: {Type: AWS::SNS::Topic}}"


def parent(url: str, prefix: str = "{Type: String, Default: shop}") -> str:
    return f"""
Parameters:
  Bucket: {{Type: String}}
  Prefix: {prefix}
Conditions: {{IsProduction: !Equals [!Ref Prefix, production]}}
Mappings: {{Files: {{shop: {{Name: network}}}}}}
Resources:
  Network: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {url}}}}}
"""


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name.replace('_', '-')}.yaml").write_text(text)
    return folder


def test_the_articles_own_file_names_are_understood() -> None:
    found = load(ARTICLE_SET)
    graph = dependencies.read(found.contents, found.root.name, {})

    assert found.root.name == "fa-094.yaml"  # not fa-094-ec2.yaml, which no template nests either
    assert found.missing_templates({"Prefix": "fa-094"}) == []
    assert {"NetworkStack/VPC", "AssociationStack/AppServerAssociation"} <= set(graph.types)


@pytest.mark.parametrize(
    "url",
    [
        f'!Sub "{HEAD}/${{Prefix}}-network.yaml"',
        f'!Sub ["{HEAD}/${{Name}}-network.yaml", {{Name: !Ref Prefix}}]',
        f'!Join ["", [!Sub "{HEAD}/", !Ref Prefix, "-", network.yaml]]',
        f'!Join ["/", [!Sub "{HEAD}", !Sub "${{Prefix}}-network.yaml"]]',
        f'!Sub ["{HEAD}/shop-${{File}}.yaml", {{File: !FindInMap [Files, shop, Name]}}]',
        f'!If [IsProduction, "https://elsewhere/x.yaml", !Sub "{HEAD}/${{Prefix}}-network.yaml"]',
        f'!Sub "{HEAD}/shop-network.yaml?versionId=1"',
    ],
)
def test_the_template_that_no_other_nests_is_the_root(tmp_path: Path, url: str) -> None:
    found = load(written(tmp_path, main=parent(url), shop_network=LEAF))

    assert found.root.name == "main.yaml"
    assert "Network/A" in dependencies.read(found.contents, "main.yaml", {}).types


def test_a_name_with_a_parameter_without_default_means_the_one_file_that_fits(tmp_path: Path) -> None:
    url = f'!Sub "{HEAD}/${{Prefix}}-network.yaml"'
    found = load(written(tmp_path, main=parent(url, "{Type: String}"), shop_network=LEAF))

    assert found.root.name == "main.yaml"


def test_several_possible_roots_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserFixable) as caught:
        load(written(tmp_path, one=LEAF, two=LEAF))
    assert "can be the root: one.yaml, two.yaml." in error_text(caught.value)


def test_templates_that_nest_each_other_have_no_root(tmp_path: Path) -> None:
    with pytest.raises(UserFixable) as caught:
        load(written(tmp_path, one=parent(f'!Sub "{HEAD}/two.yaml"'), two=parent(f'!Sub "{HEAD}/one.yaml"')))
    assert "every template is nested in another one" in error_text(caught.value)


def test_a_template_that_nests_itself_can_be_the_root(tmp_path: Path) -> None:
    url = f'!Sub "{HEAD}/main.yaml"'
    assert load(written(tmp_path, main=parent(url))).root.name == "main.yaml"


def test_a_value_that_leads_to_a_file_that_is_missing_is_found(tmp_path: Path) -> None:
    url = f'!Sub "{HEAD}/${{Prefix}}-network.yaml"'
    found = load(written(tmp_path, main=parent(url), shop_network=LEAF))

    assert found.missing_templates({"Prefix": "shop"}) == []
    assert found.missing_templates({"Prefix": "production"}) == ["production-network.yaml"]


def test_a_template_in_another_bucket_is_not_missing(tmp_path: Path) -> None:
    own = parent(f'!Sub "{HEAD}/${{Prefix}}-network.yaml"')
    other = "  Other: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: https://b.s3.amazonaws.com/o.yaml}}"
    found = load(written(tmp_path, main=f"{own}{other}\n", shop_network=LEAF))

    assert found.missing_templates({"Prefix": "shop"}) == []
