"""The tables of the state store, and of deliveries.

Rooms and users are numbers in the other tables. All unique columns are constraints of the tables:
``unique=True`` would cost a second index on PostgreSQL.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = [
    "Begun",
    "CaughtUp",
    "Checkpoint",
    "Claim",
    "Handled",
    "Member",
    "Noted",
    "Parked",
    "Room",
    "State",
    "User",
]


class Room(models.Model):
    """A room of which something is known."""

    room_id = models.CharField(max_length=255)
    full_members = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room_id"], name="appservice_room"),
        ]

    def __str__(self) -> str:
        return str(self.room_id)


class User(models.Model):
    """A user of whom something is known."""

    user_id = models.CharField(max_length=255)
    registered = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user_id"], name="appservice_user"),
        ]

    def __str__(self) -> str:
        return str(self.user_id)


class Member(models.Model):
    """The membership and the profile of a user in a room."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="members", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="members", db_index=False)
    membership = models.CharField(max_length=6)
    ts = models.BigIntegerField()
    source = models.CharField(max_length=8)
    event_id = models.CharField(max_length=255, null=True)
    displayname = models.TextField(null=True)
    avatar_url = models.TextField(null=True)
    # A number derived from the name's skeleton, to find names that look alike.
    looks = models.IntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room", "user"], name="appservice_member"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "membership"], name="appservice_member_user"),
            models.Index(fields=["room", "looks"], name="appservice_member_looks"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.room}: {self.membership}"


class State(models.Model):
    """A piece of a room's state."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="states", db_index=False)
    type = models.CharField(max_length=255)
    # JSON as text: jsonb refuses characters that an event may hold.
    content = models.TextField(null=True)
    ts = models.BigIntegerField()
    source = models.CharField(max_length=8)
    event_id = models.CharField(max_length=255, null=True)
    sender = models.CharField(max_length=255, null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room", "type"], name="appservice_state"),
        ]

    def __str__(self) -> str:
        return f"{self.type} of {self.room}"


class Claim(models.Model):
    """A claim of a transaction that the homeserver has pushed, or of another
    :class:`~appservice_api.state_store.ClaimKind`."""

    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=255)
    digest = models.CharField(max_length=255)
    owner = models.CharField(max_length=16)
    # In milliseconds since 1970.
    claimed_until = models.BigIntegerField()
    # NULL: not handled yet.
    finished_at = models.BigIntegerField(null=True)
    # How often it was taken over from a process that had died; NULL for never.
    takeovers = models.IntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "name", "digest"], name="appservice_claim"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["kind", "claimed_until"], condition=models.Q(finished_at=None),
                name="appservice_in_flight",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Handled(models.Model):
    """An event that was handled; the numbers are in the order in which they were."""

    key = models.CharField(max_length=255)
    room = models.CharField(max_length=255, null=True)
    ts = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key"], name="appservice_handled"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["room", "id"], name="appservice_handled_room"),
        ]

    def __str__(self) -> str:
        return str(self.key)


class Noted(models.Model):
    """Something else that is done, of a :class:`~appservice_api.state_store.NoteKind`."""

    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=255)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "name"], name="appservice_noted"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Parked(models.Model):
    """An event that is parked, since its handler failed again and again."""

    # JSON as text: jsonb refuses characters that an event may hold.
    event = models.TextField()
    error = models.TextField()
    # In milliseconds since 1970.
    parked_at = models.BigIntegerField()
    key = models.CharField(max_length=255, null=True)
    # The names of handlers that have succeeded, as JSON; NULL for none.
    done = models.TextField(null=True)

    def __str__(self) -> str:
        return f"event {self.pk}"


class Begun(models.Model):
    """An event, or the retry of a parked one, that a process has begun and not ended, after it took
    over from a process that had died."""

    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=255)
    times = models.IntegerField()
    # In milliseconds since 1970.
    begun_at = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "name"], name="appservice_begun"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}, {self.times} times"


class Checkpoint(models.Model):
    """The event up to which a room is caught up."""

    room = models.CharField(max_length=255)
    event_id = models.CharField(max_length=255)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room"], name="appservice_checkpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} in {self.room}"


class CaughtUp(models.Model):
    """When all rooms were caught up; one row."""

    # In milliseconds since 1970.
    ts = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.ts)
