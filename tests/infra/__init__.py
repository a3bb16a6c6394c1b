"""The CloudFormation templates and the functions of their custom resources."""
