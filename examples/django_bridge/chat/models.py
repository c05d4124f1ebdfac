"""The conversation."""

from django.db import models


class Message(models.Model):
    """A message of the page or of the room. One that was deleted keeps its row, without a text."""

    #: Made by the page, which has it before there is an event; None if it comes from the room.
    key = models.UUIDField(null=True, unique=True)
    #: None until it is in the room.
    event_id = models.CharField(max_length=255, null=True, unique=True)
    sender = models.CharField(max_length=255)
    name = models.TextField()
    kind = models.TextField(default="m.text")
    body = models.TextField()
    url = models.TextField(null=True)
    #: Milliseconds since 1970.
    sent_at = models.BigIntegerField()
