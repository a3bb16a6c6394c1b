"""Adding, editing and removing template sets, their webhooks, and tags that have moved."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from deployments.access.api import keyset
from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import After, Key, Limit
from deployments.access.api.problems import validated
from deployments.access.api.requests import ApiRequest, require_somewhere
from deployments.access.api.schemas import FOR_ONE, Nothing
from deployments.access.rules.roles import Right
from deployments.template_sets.api.schemas import RefOut, RefPage, SetBody, SetOut, WebhookBody, WebhookOut
from deployments.template_sets.api.sets import router
from deployments.template_sets.commands import sources
from deployments.template_sets.commands.versions import confirm_moved_tag
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.versions import TemplateRef
from deployments.template_sets.pages.forms import SourceForm

MANAGE = Right.MANAGE_SETS


@requests(router, "/template-sets", SetOut, status=201, name="create_template_set", needs=MANAGE)
def create_template_set(request: ApiRequest, body: SetBody) -> SetOut:
    """Add a template set; unless it has archives, its first fetch is requested. It deploys nothing."""
    require_somewhere(request, MANAGE, "add_template_set")
    return _saved(request, None, body)


@requests(router, "/template-sets/{set_id}", SetOut, name="edit_template_set", needs=MANAGE)
def edit_template_set(request: ApiRequest, set_id: Key, body: SetBody) -> SetOut:
    """Change a template set. Without credentials it keeps those that are stored."""
    require_somewhere(request, MANAGE, "edit_template_set")
    return _saved(request, get_object_or_404(TemplateSource.objects.editable(), pk=set_id), body)


@requests(router, "/template-sets/{set_id}/remove", SetOut, name="remove_template_set", needs=MANAGE)
def remove_template_set(request: ApiRequest, set_id: Key, body: Nothing) -> SetOut:
    """Remove a template set: it is fetched no more. Its versions stay, and environments keep theirs."""
    source = get_object_or_404(TemplateSource, pk=set_id)
    return SetOut.of(sources.remove_source(user=request.user, source=source))


@requests(
    router, "/template-sets/{set_id}/webhook", WebhookOut, name="set_template_set_webhook", needs=MANAGE
)
def set_template_set_webhook(request: ApiRequest, set_id: Key, body: WebhookBody) -> WebhookOut:
    """Create a new secret of the webhook, which is returned once, or switch the webhook off."""
    source = get_object_or_404(TemplateSource, pk=set_id)
    secret = sources.set_webhook(user=request.user, source=source, on=body.enabled)
    address = request.build_absolute_uri(reverse("template_set_push", args=[set_id]))
    return WebhookOut(enabled=body.enabled, address=address, secret=secret)


@router.get("/template-sets/{set_id}/refs", response={200: RefPage, **FOR_ONE}, operation_id="list_refs")
def list_refs(
    request: ApiRequest, response: HttpResponse, set_id: Key, after: After, limit: Limit
) -> RefPage:
    """List the branches and tags of a template set with the versions that they point at."""
    require_somewhere(request, Right.VIEW)
    rows = TemplateRef.objects.of(get_object_or_404(TemplateSource, pk=set_id))
    return RefPage.of(request, response, keyset.before(rows, after), limit)


@requests(router, "/refs/{ref_id}/confirm", RefOut, name="confirm_moved_tag", needs=MANAGE)
def confirm_tag(request: ApiRequest, ref_id: Key, body: Nothing) -> RefOut:
    """Confirm that a tag may point at another version than before: its warning ends."""
    rows = TemplateRef.objects.select_related("source", "version", "moved_from")
    confirm_moved_tag(user=request.user, ref=get_object_or_404(rows, pk=ref_id))
    return RefOut.of(rows.get(pk=ref_id))


def _saved(request: ApiRequest, source: TemplateSource | None, body: SetBody) -> SetOut:
    form = validated(SourceForm(body.values(), source=source))
    saved = sources.save_source(
        user=request.user, source=source, values=form.values(), credentials=form.credentials()
    )
    return SetOut.of(saved)
