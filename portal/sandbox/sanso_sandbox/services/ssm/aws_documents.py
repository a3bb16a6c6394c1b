"""AWS's own SSM documents that set up servers, as far as they are needed here."""

_SHELL = {
    "schemaVersion": "1.2",
    "description": "Run a shell script or specify the commands to run.",
    "parameters": {
        "commands": {"type": "StringList"},
        "workingDirectory": {"type": "String", "default": ""},
        "executionTimeout": {"type": "String", "default": "3600"},
    },
    "runtimeConfig": {
        "aws:runShellScript": {
            "properties": [
                {
                    "id": "0.aws:runShellScript",
                    "runCommand": "{{ commands }}",
                    "workingDirectory": "{{ workingDirectory }}",
                    "timeoutSeconds": "{{ executionTimeout }}",
                }
            ]
        }
    },
}
_PLAYBOOK = {
    "schemaVersion": "2.2",
    "description": "Use this document to run Ansible Playbooks from S3 or GitHub.",
    "parameters": {
        "SourceType": {"type": "String", "default": "S3", "allowedValues": ["GitHub", "S3"]},
        "SourceInfo": {"type": "StringMap", "default": {}},
        "InstallDependencies": {"type": "String", "default": "True", "allowedValues": ["True", "False"]},
        "PlaybookFile": {
            "type": "String",
            "default": "hello-world-playbook.yml",
            "allowedPattern": r"[(a-z_A-Z0-9\-\.)/]+(.yml|.yaml)$",
        },
        "ExtraVariables": {
            "type": "String",
            "default": "SSM=True",
            "allowedPattern": r"^$|^\w+\=[^\s|:();&]+(\s\w+\=[^\s|:();&]+)*$",
        },
        "Check": {"type": "String", "default": "False", "allowedValues": ["True", "False"]},
        "Verbose": {"type": "String", "default": "-v", "allowedValues": ["-v", "-vv", "-vvv", "-vvvv"]},
        "TimeoutSeconds": {"type": "String", "default": "3600"},
    },
    "mainSteps": [
        {
            "action": "aws:downloadContent",
            "name": "downloadContent",
            "inputs": {"SourceType": "{{ SourceType }}", "SourceInfo": "{{ SourceInfo }}"},
        },
        {
            "action": "aws:runShellScript",
            "name": "runShellScript",
            "inputs": {
                "timeoutSeconds": "{{ TimeoutSeconds }}",
                "runCommand": [
                    "for archive in $(find . -name '*.zip'); do unzip -o -q \"$archive\"; done",
                    "ansible-playbook -i localhost, -c local -e '{{ ExtraVariables }}' {{ Verbose }} "
                    "{{ PlaybookFile }}",
                ],
            },
        },
    ],
}
REFRESH = "AWS-RefreshAssociation"
_REFRESH = {
    "schemaVersion": "1.2",
    "description": "Refresh (force apply) an association.",
    "parameters": {"associationIds": {"type": "StringList", "default": [""]}},
    "runtimeConfig": {"aws:refreshAssociation": {"properties": [{"associationIds": "{{ associationIds }}"}]}},
}
CONTENTS = {
    "AWS-RunShellScript": _SHELL,
    "AWS-ApplyAnsiblePlaybooks": _PLAYBOOK,
    "AWS-RunAnsiblePlaybook": _PLAYBOOK,
    REFRESH: _REFRESH,
}
