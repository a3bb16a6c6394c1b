"""Routes of environments and deployments."""

from __future__ import annotations

from django.urls import path

from deployments.views import deployment, events, export, stream
from deployments.views.delete_environment import environment_delete
from deployments.views.environments import environment_forget, environment_list, environment_page
from deployments.views.history import deployment_list
from deployments.views.new_environment import environment_new

urlpatterns = [
    path("environments/", environment_list, name="environments"),
    path("environments/new", environment_new, name="environment_new"),
    path("environments/<int:pk>/", environment_page, name="environment"),
    path("environments/<int:pk>/delete", environment_delete, name="environment_delete"),
    path("environments/<int:pk>/forget", environment_forget, name="environment_forget"),
    path("deployments/", deployment_list, name="deployments"),
    path("deployments/<int:pk>/", deployment.deployment_page, name="deployment"),
    path("deployments/<int:pk>/stream", stream.deployment_stream, name="deployment_stream"),
    path("deployments/<int:pk>/events", events.event_lines, name="event_lines"),
    path("deployments/<int:pk>/events/first-failure", events.first_failed_event, name="first_failed_event"),
    path("deployments/<int:pk>/events.<slug:kind>", export.event_export, name="event_export"),
    path("deployments/<int:pk>/updates", stream.deployment_updates, name="deployment_updates"),
]
