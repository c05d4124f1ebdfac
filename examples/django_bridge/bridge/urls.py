"""The page, and what the homeserver asks for."""

from chat import views
from django.urls import include, path

urlpatterns = [
    path("", views.page),
    path("messages", views.messages),
    path("files/<int:number>", views.file),
    path("", include("appservice_api.django.urls")),
]
