"""The tables of the state store."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

_KEY = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def _belongs_to(model: str, related_name: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False,
        on_delete=models.CASCADE,
        related_name=related_name,
        to=f"appservice_api.{model}",
    )


def _unique(name: str, *fields: str) -> models.UniqueConstraint:
    return models.UniqueConstraint(fields=fields, name=name)


class Migration(migrations.Migration):
    """Make them."""

    initial = True

    dependencies: ClassVar[list[tuple[str, str]]] = []

    operations: ClassVar = [
        migrations.CreateModel(
            name="Room",
            fields=[
                ("id", _KEY.clone()),
                ("room_id", models.CharField(max_length=255)),
                ("full_members", models.BooleanField(default=False)),
            ],
            options={"constraints": [_unique("appservice_room", "room_id")]},
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", _KEY.clone()),
                ("user_id", models.CharField(max_length=255)),
                ("registered", models.BooleanField(default=False)),
            ],
            options={"constraints": [_unique("appservice_user", "user_id")]},
        ),
        migrations.CreateModel(
            name="Member",
            fields=[
                ("id", _KEY.clone()),
                ("room", _belongs_to("room", "members")),
                ("user", _belongs_to("user", "members")),
                ("membership", models.CharField(max_length=6)),
                ("ts", models.BigIntegerField()),
                ("source", models.CharField(max_length=8)),
                ("event_id", models.CharField(max_length=255, null=True)),
                ("displayname", models.TextField(null=True)),
                ("avatar_url", models.TextField(null=True)),
                ("looks", models.IntegerField(null=True)),
            ],
            options={
                "constraints": [_unique("appservice_member", "room", "user")],
                "indexes": [
                    models.Index(fields=["user", "membership"], name="appservice_member_user"),
                    models.Index(fields=["room", "looks"], name="appservice_member_looks"),
                ],
            },
        ),
        migrations.CreateModel(
            name="State",
            fields=[
                ("id", _KEY.clone()),
                ("room", _belongs_to("room", "states")),
                ("type", models.CharField(max_length=255)),
                ("content", models.TextField(null=True)),
                ("ts", models.BigIntegerField()),
                ("source", models.CharField(max_length=8)),
                ("event_id", models.CharField(max_length=255, null=True)),
                ("sender", models.CharField(max_length=255, null=True)),
            ],
            options={"constraints": [_unique("appservice_state", "room", "type")]},
        ),
    ]
