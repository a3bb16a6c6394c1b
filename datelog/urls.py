"""The URLs. The first three are those of the original application."""

from django.urls import path

from datelog import favicon, home, page, views

urlpatterns = [
    path("", home.home),
    path("read", views.read),
    path("write", views.write),
    path("view", page.view, name="view"),
    path("favicon.ico", favicon.favicon),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
]

handler404 = views.not_found
handler500 = views.server_error
