"""Kinds of what is claimed, noted and begun, for which names that began with ``$`` stood before."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations, models
from django.db.models import BigIntegerField, F
from django.db.models.functions import Cast, Substr

# By how a key began, the kind that it stood for.
_NOTES = {"$done:": "handler", "$upgrade:": "upgrade", "$sent:": "sent", "$profile:": "profile"}
_PARKED = "$parked:"


def _key() -> tuple[str, Any]:
    return "id", models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )


def _unique(name: str, *fields: str) -> models.UniqueConstraint:
    return models.UniqueConstraint(fields=fields, name=name)


def move(apps: Any, schema_editor: Any) -> None:
    """Bring each row where it belongs."""
    using = schema_editor.connection.alias

    def rows(model: str) -> Any:
        return apps.get_model("appservice_api", model).objects.using(using)

    for name, kind in (("$room", "room"), ("$parked", "parked")):
        rows("Claim").filter(name=name).update(kind=kind, name=F("digest"), digest="")
    rows("Claim").filter(name="$sending").update(
        kind="sending", name=Substr("digest", 1, 32), digest=Substr("digest", 34)
    )
    for start, kind in _NOTES.items():
        these = rows("Handled").filter(room=None, key__startswith=start)
        names = these.order_by("pk").values_list("key", flat=True)
        noted = rows("Noted").model
        rows("Noted").bulk_create(
            [noted(kind=kind, name=name.removeprefix(start)) for name in names.iterator()],
            batch_size=500,
        )
        these.delete()
    begun = rows("Begun").filter(name__startswith=_PARKED)
    begun.update(kind="parked", name=Substr("name", len(_PARKED) + 1))
    started = rows("Checkpoint").filter(room="$started")
    for ts in started.values_list(Cast("event_id", BigIntegerField()), flat=True):
        rows("CaughtUp").create(ts=ts)
    started.delete()


class Migration(migrations.Migration):
    """Add the kinds, and the tables of what has one of its own."""

    dependencies: ClassVar = [("appservice_api", "0004_units")]

    operations: ClassVar = [
        migrations.RenameModel("Transaction", "Claim"),
        migrations.RemoveConstraint("claim", "appservice_transaction"),
        migrations.RemoveIndex("claim", "appservice_in_flight"),
        migrations.RenameField("claim", "transaction_id", "name"),
        migrations.AddField(
            "claim", "kind", models.CharField(max_length=16, default="transaction"),
            preserve_default=False,
        ),
        migrations.RenameModel("Settled", "Checkpoint"),
        migrations.RemoveConstraint("checkpoint", "appservice_settled"),
        migrations.RemoveConstraint("begun", "appservice_begun"),
        migrations.RenameField("begun", "key", "name"),
        migrations.AddField(
            "begun", "kind", models.CharField(max_length=16, default="event"),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name="Noted",
            fields=[
                _key(),
                ("kind", models.CharField(max_length=16)),
                ("name", models.CharField(max_length=255)),
            ],
            options={"constraints": [_unique("appservice_noted", "kind", "name")]},
        ),
        migrations.CreateModel(name="CaughtUp", fields=[_key(), ("ts", models.BigIntegerField())]),
        migrations.RunPython(move, migrations.RunPython.noop),
        migrations.AddConstraint("claim", _unique("appservice_claim", "kind", "name", "digest")),
        migrations.AddIndex(
            "claim",
            models.Index(
                condition=models.Q(finished_at=None), fields=["kind", "claimed_until"],
                name="appservice_in_flight",
            ),
        ),
        migrations.AddConstraint("checkpoint", _unique("appservice_checkpoint", "room")),
        migrations.AddConstraint("begun", _unique("appservice_begun", "kind", "name")),
    ]  # fmt: skip
