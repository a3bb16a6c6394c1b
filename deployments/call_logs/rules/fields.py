"""Fields of AWS's calls by what their values are. Names are in lower case, without hyphens and the like."""

from __future__ import annotations

_WITHHELD = (
    "templatebody stackpolicybody stackpolicyduringupdatebody userdata zipfile body "
    "standardoutputcontent standarderrorcontent standardoutput standarderror output "
    "resourceproperties beforecontext aftercontext beforevalue aftervalue plaintext "
    "previousdeploymentcontext keymaterial ciphertextblob content connectionstring secretstring "
    "secretbinary authenticationcode otp pin passcode pwd hmac"
)
WITHHELD = frozenset(_WITHHELD.split())
"""Contents that programs and people wrote, in which a secret can have any form."""
WITHHELD_BY_SERVICE = {"logs": frozenset({"message", "messages"})}
_MASKED_BELOW = (
    "parameters parametervalue parameterdata requestparameters responseelements additionaleventdata "
    "serviceeventdetails environmentvariables variables environment commands documentparameters "
    "automationparameters"
)
MASKED_BELOW = frozenset(_MASKED_BELOW.split())
"""Names below which every value is masked, since any of them may be that of a NoEcho parameter."""
CLEAR_BELOW = frozenset({"parameterkey", "parametername", "name", "type", "usepreviousvalue", "version"})
"""What is not masked there."""
_CHOSEN_NAMES = (
    "stackname rootid changesetname loadbalancername targetgroupname autoscalinggroupname "
    "dbclusteridentifier dbinstanceidentifier databasename dbname masterusername bucket bucketname "
    "loggroupname logstreamname loggroupnameprefix functionname rolename physicalresourceid "
    "exportname username keyname domainname dnsname endpoint readerendpoint address dbsubnetgroup "
    "dbsubnetgroupname dbclusterparametergroup dbparametergroupname associationname "
    "launchtemplatename groupname secretname resourcename instanceprofilename rolesessionname "
    "hostedzoneid outputs3bucketname outputs3keyprefix filtername displayname computername "
    "eventsourcename dbclustersnapshotidentifier dbsnapshotidentifier autoscalinggroup loggroup "
    "logstream"
)
CHOSEN_NAMES = frozenset(_CHOSEN_NAMES.split())
"""Fields whose value is a name that somebody chose."""
CHOSEN_NAMES_BY_SERVICE = {
    "s3": frozenset({"key", "prefix", "startafter", "versionid", "marker", "keymarker"})
}
PAIR_NAMES = frozenset(
    {"key", "name", "parameterkey", "parametername", "outputkey", "attributename", "field"}
)
PAIR_VALUES = frozenset(
    ("value", "values", "parametervalue", "outputvalue", "resolvedvalue", "attributevalue", "stringvalue")
)
"""Fields whose value has its name in the field beside it."""
TAGS = frozenset({"tags", "tag", "tagset", "taglist", "tagfilters"})
PUBLIC_TAGS = frozenset({"aws:cloudformation:logical-id"})
