"""Loading a folder of templates: its parameters and objects, or an error that explains the problem."""

from __future__ import annotations

import io
import os
import re
import time
import zipfile
from pathlib import Path

import pytest
from django.conf import settings

from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.template_sets.template_files import digests, template_set
from deployments.template_sets.template_files.archive import packed, unpacked
from deployments.template_sets.template_files.artifacts import build_objects
from deployments.template_sets.template_files.content import content_of
from deployments.template_sets.template_files.template_set import load

ROOT = """
Description: A small set
Metadata:
  AWS::CloudFormation::Interface:
    ParameterGroups:
      - Label: {default: Sizes}
        Parameters: [Count, Kind]
    ParameterLabels: {Count: {default: How many}}
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Kind: {Type: String, Default: small, AllowedValues: [small, large]}
  Count: {Type: Number, Default: 2, MinValue: 1, MaxValue: 4, Description: Servers a tier.}
  Password: {Type: String, NoEcho: true, MinLength: 8}
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/inner.yaml
"""


def make_set(folder: Path, **files: str) -> Path:
    for name, text in (
        {"root.yaml": ROOT, "inner.yaml": "Resources: {A: {Type: AWS::SNS::Topic}}"} | files
    ).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_parameters_are_grouped_as_in_the_templates_interface(tmp_path: Path) -> None:
    found = load(make_set(tmp_path))

    assert [(g.label, [p.name for p in g.parameters]) for g in found.groups] == [
        ("Sizes", ["Count", "Kind"]),
        ("", ["Prefix", "Password"]),
    ]
    count = found.parameters["Count"]
    assert (count.label, count.default, count.min_value, count.description) == (
        "How many",
        "2",
        1,
        "Servers a tier.",
    )
    assert found.parameters["Password"].no_echo


def test_bucket_and_prefix_of_a_set_without_manifest_are_found_in_its_template_urls(tmp_path: Path) -> None:
    found = load(make_set(tmp_path, **{"playbook/playbook.yml": "[]"}))

    assert (found.bucket_parameter, found.prefix_parameter, found.own_prefix) == ("Bucket", "Prefix", False)
    assert {key for key, _ in build_objects(found)} == {"root.yaml", "inner.yaml", "playbook.zip"}


def test_a_literal_prefix_in_the_template_urls_is_where_the_set_is_uploaded(tmp_path: Path) -> None:
    found = load(make_set(tmp_path, **{"root.yaml": ROOT.replace("${Prefix}/inner", "fa-094/v1/inner")}))

    assert (found.bucket_parameter, found.prefix_parameter, found.fixed_prefix) == ("Bucket", "", "fa-094/v1")
    assert not found.own_prefix


def test_a_manifest_lets_the_portal_choose_the_prefix(tmp_path: Path) -> None:
    manifest = "root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\n"
    found = load(make_set(tmp_path, **{"template-set.yaml": manifest}))

    assert found.own_prefix
    assert "Prefix" not in found.parameters


def test_an_excluded_template_is_neither_uploaded_nor_part_of_the_digest(tmp_path: Path) -> None:
    manifest = (
        "root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\nexclude: [account.yaml]\n"
    )
    files = {"template-set.yaml": manifest, "account.yaml": "Resources: {A: {Type: AWS::SNS::Topic}}"}
    found = load(make_set(tmp_path, **files))
    (tmp_path / "account.yaml").write_text("Resources: {B: {Type: AWS::SNS::Topic}}")

    assert {key for key, _ in build_objects(found)} == {"root.yaml", "inner.yaml"}
    assert load(tmp_path).digest == found.digest


def test_zips_are_reproducible_and_contain_their_packages(tmp_path: Path) -> None:
    manifest = (
        "root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\nartifacts:\n"
        "  - {key: functions/f.zip, module: functions/f.py, packages: [pymysql]}\n"
        "  - {key: playbook.zip, folder: pb, also: {app/site: site}}\n"
    )
    files = {
        "template-set.yaml": manifest,
        "functions/f.py": "x = 1",
        "pb/playbook.yml": "[]",
        "site/wsgi.py": "",
    }
    found = load(make_set(tmp_path, **files))

    first, second = dict(build_objects(found)), dict(build_objects(found))

    assert first == second
    function = zipfile.ZipFile(io.BytesIO(first["functions/f.zip"])).namelist()
    assert {"f.py", "pymysql/__init__.py"} <= set(function)
    playbook = zipfile.ZipFile(io.BytesIO(first["playbook.zip"])).namelist()
    assert playbook == ["app/site/wsgi.py", "playbook.yml"]


def test_a_changed_upload_changes_the_digest(tmp_path: Path) -> None:
    before = load(make_set(tmp_path)).digest
    (tmp_path / "inner.yaml").write_text("Resources: {B: {Type: AWS::SNS::Topic}}")

    assert load(tmp_path).digest != before


def test_another_version_of_a_package_in_a_zip_changes_the_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = (
        "root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\nartifacts:\n"
        "  - {key: functions/f.zip, module: functions/f.py, packages: [pymysql]}\n"
    )
    make_set(tmp_path, **{"template-set.yaml": manifest, "functions/f.py": "x = 1"})
    before = template_set.read(tmp_path).digest
    monkeypatch.setattr(digests, "package_files", lambda _name: [("pymysql/__init__.py", b"2")])

    assert template_set.read(tmp_path).digest != before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "root.yaml cannot be read"),
        ("- 1", "it is not a mapping"),
        ("a: 1\na: 2", "the key a occurs twice"),
        ("a: &x [1]\nb: *x", "aliases are not used"),
        ("[" * 100_000, "root.yaml cannot be read"),
        ("Parameters: {P: {Default: 1}}", "the parameter P has no Type"),
        ("Parameters: {P: {Type: String, Default: [bucket-name]}}", "the Default of P must be a string"),
        ("Parameters: 3", "Parameters must be a mapping"),
        ("? [a, b]\n: 1", "a key must be a text, in line 1"),
        ("Parameters: {P: {Type: String, MinLength: abc}}", "P.MinLength must be an integer"),
        ("Parameters: {P: {Type: Number, MaxValue: .inf}}", "P.MaxValue must be a number"),
        ("Parameters: {P: {Type: String, AllowedValues: abc}}", "P.AllowedValues must be a list"),
        (
            "Metadata: {AWS::CloudFormation::Interface: {ParameterLabels: abc}}",
            "ParameterLabels must be a mapping",
        ),
        (
            "Metadata: {AWS::CloudFormation::Interface: {ParameterGroups: [[a]]}}",
            r"ParameterGroups\[0\] must be",
        ),
        ("Description: !!bool perhaps", "perhaps is not of the type bool, in line 1"),
        ("Description: !!set {a, b}", "a value of the type set is not used"),
        ('Description: "a\\0b"', r"U\+0000 is not used"),
        ("a: 1" + ":1" * 2000, "is too long for a value of the type int, in line 1"),
        ("a: 1" + ":1" * 2000 + ".5", "is too long for a value of the type float, in line 1"),
        ("a: 0x" + "f" * 5000, "is too long for a value of the type int, in line 1"),
        ("a: " + "[" * 65 + "]" * 65, "nested deeper than 64 levels"),
        ("a: [" + "1, " * 200_001 + "]", "more than 200,000 nodes"),
        (
            "Parameters:\n" + "".join(f"  P{n}: {{Type: String}}\n" for n in range(20_000)),
            "has 20000 parameters; CloudFormation allows 200",
        ),
        (
            "Resources:\n" + "".join(f"  R{n}: {{Type: x}}\n" for n in range(501)),
            "has 501 resources; CloudFormation allows 500",
        ),
    ],
)
def test_the_error_of_a_broken_root_explains_it(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(UserFixable) as caught:
        load(make_set(tmp_path, **{"root.yaml": text}))
    assert re.search(expected, error_text(caught.value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("artifacts: {key: playbook.zip}", "artifacts must be a list"),
        ("artifacts: [{folder: playbook}]", r"artifacts\[0\] has no key"),
        ("artifacts: [{key: a.zip, also: [a]}]", r"artifacts\[0\].also must be a mapping"),
        ("artifacts: [{key: a.zip, module: root}]", r"refers to root for a\.zip, which does not exist"),
        (f"artifacts: [{{key: a.zip, folder: {'x' * 300}}}]", r"for a\.zip, which does not exist"),
        ("root: [root.yaml]", "root must be a string"),
    ],
)
def test_the_error_of_a_broken_manifest_explains_it(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(UserFixable) as caught:
        load(make_set(tmp_path, **{"template-set.yaml": text}))
    assert re.search(expected, error_text(caught.value))


def test_twenty_thousand_keys_are_read_in_linear_time(tmp_path: Path) -> None:
    """In CPU time: when the search for duplicate keys was quadratic, it took 5 s."""
    keys = "".join(f"  Key{number}: {{a: b}}\n" for number in range(20_000))
    begun = time.process_time()
    load(make_set(tmp_path, **{"root.yaml": f"{ROOT}\nMappings:\n{keys}"}))
    assert time.process_time() - begun < 2.5


def test_keys_are_the_strings_in_the_file(tmp_path: Path) -> None:
    found = load(
        make_set(tmp_path, **{"root.yaml": f"{ROOT}\nMappings: {{M: {{012345678901: {{yes: 1}}}}}}"})
    )
    assert found.contents["root.yaml"]["Mappings"] == {"M": {"012345678901": {"yes": 1}}}


def test_a_file_name_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    make_set(tmp_path, **{"playbook/playbook.yml": "[]"})
    (tmp_path / "playbook" / os.fsdecode(b"caf\xe9.yml")).touch()
    with pytest.raises(UserFixable) as caught:
        load(tmp_path)
    assert re.search("cannot be read", error_text(caught.value))


def test_a_set_with_too_many_templates_is_an_error(tmp_path: Path) -> None:
    make_set(tmp_path, **{f"t{number}.yaml": "Resources: {}" for number in range(201)})
    with pytest.raises(UserFixable) as caught:
        load(tmp_path)
    assert re.search("has 203 templates", error_text(caught.value))


def test_the_error_of_a_missing_folder_names_it(tmp_path: Path) -> None:
    with pytest.raises(UserFixable) as caught:
        load(tmp_path / "nowhere")
    assert re.search("No template set at", error_text(caught.value))


def test_a_manifest_without_artifacts_includes_the_playbook(tmp_path: Path) -> None:
    files = {"template-set.yaml": "root: root.yaml\n", "playbook/playbook.yml": "[]"}
    assert "playbook.zip" in {key for key, _ in build_objects(load(make_set(tmp_path, **files)))}


def test_a_manifest_can_exclude_the_playbook(tmp_path: Path) -> None:
    files = {"template-set.yaml": "root: root.yaml\nartifacts: []\n", "playbook/playbook.yml": "[]"}
    assert "playbook.zip" not in {key for key, _ in build_objects(load(make_set(tmp_path, **files)))}


def test_nested_templates_have_the_limits_of_the_root(tmp_path: Path) -> None:
    declared = "".join(f"  P{n}: {{Type: String}}\n" for n in range(201))
    with pytest.raises(UserFixable) as caught:
        load(make_set(tmp_path, **{"inner.yaml": f"Parameters:\n{declared}"}))
    assert re.search("has 201 parameters; CloudFormation allows 200", error_text(caught.value))


def test_a_template_that_is_too_large_for_cloudformation_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserFixable) as caught:
        load(make_set(tmp_path, **{"inner.yaml": "#" * 1_000_001}))
    assert re.search("CloudFormation allows 1,000,000", error_text(caught.value))


def test_the_bundled_set_is_complete() -> None:
    found = load(settings.BASE_DIR / "infra_templates")

    assert len(found.templates) == 10
    assert found.own_prefix
    keys = {key for key, _ in build_objects(found)}
    assert "playbook.zip" in keys
    assert {path.name for path in found.templates} <= keys


MANIFEST = "bucket_parameter: Bucket\nprefix_parameter: Prefix\n"


def test_the_manifest_defines_permanent_parameters_and_defaults_of_new_environments(tmp_path: Path) -> None:
    manifest = f"{MANIFEST}choose_once: [Kind]\nnew_environments: {{Kind: large, Count: 3}}\n"
    found = load(make_set(tmp_path, **{"template-set.yaml": manifest})).parameters

    assert {name for name, parameter in found.items() if parameter.choose_once} == {"Kind"}
    assert (found["Kind"].default, found["Kind"].initial) == ("small", "large")
    assert (found["Count"].default, found["Count"].initial) == ("2", "3")
    assert found["Password"].initial is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "main_parameters: [Size]",
            "template-set.yaml names the parameter Size, which the root template does not have.",
        ),
        (
            "presets: {small: {parameters: {Size: 1}}}",
            "template-set.yaml names the parameter Size, which the root template does not have.",
        ),
        (
            "choose_once: [Size]",
            "template-set.yaml names the parameter Size, which the root template does not have.",
        ),
        (
            "same_region: [Size]",
            "template-set.yaml names the parameter Size, which the root template does not have.",
        ),
        (
            "new_environments: {Size: large}",
            "template-set.yaml names the parameter Size, which the root template does not have.",
        ),
        (
            "new_environments: {Kind: huge}",
            "template-set.yaml gives Kind a value that the root template does not allow.",
        ),
    ],
)
def test_a_manifest_that_does_not_fit_its_templates_is_an_error(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(UserFixable) as refused:
        load(make_set(tmp_path, **{"template-set.yaml": MANIFEST + text}))

    assert error_text(refused.value) == sentence


def test_the_manifest_has_presets_and_the_main_parameters(tmp_path: Path) -> None:
    manifest = (
        f"{MANIFEST}main_parameters: [Kind]\npresets: {{small: {{label: Small, parameters: {{Count: 1}}}}}}\n"
    )
    found = load(make_set(tmp_path, **{"template-set.yaml": manifest}))

    (preset,) = found.presets
    assert (preset.name, preset.label, preset.values) == ("small", "Small", {"Count": "1"})
    assert {name for name, parameter in found.parameters.items() if parameter.is_main} == {"Kind", "Password"}


def test_presets_of_the_set_that_ships_set_the_same_parameters_and_one_is_what_new_environments_get() -> None:
    found = load(settings.BASE_DIR / "infra_templates")
    initial = {name: parameter.initial for name, parameter in found.parameters.items()}

    assert len({frozenset(preset.values) for preset in found.presets}) == 1
    assert [preset.name for preset in found.presets if preset.values.items() <= initial.items()] == [
        "standard"
    ]


def test_the_content_of_a_set_has_its_files_parameters_and_the_sources_of_its_zips(tmp_path: Path) -> None:
    manifest = (
        "root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\nartifacts:\n"
        "  - {key: functions/f.zip, module: functions/f.py, packages: [pymysql]}\n"
    )
    files = {"template-set.yaml": manifest, "functions/f.py": "x = 1"}
    found = content_of(unpacked(packed(load(make_set(tmp_path, **files)))))

    assert set(found.files) == {"template-set.yaml", "root.yaml", "inner.yaml"}
    assert found.artifacts == {"functions/f.zip": {"f.py": b"x = 1"}}
    assert found.packages == {"functions/f.zip": ("pymysql",)}
    assert "Count" in found.parameters
