"""The tables of deliveries."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

_KEY = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    """Make them."""

    dependencies: ClassVar = [("appservice_api", "0001_initial")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Transaction",
            fields=[
                ("id", _KEY.clone()),
                ("transaction_id", models.CharField(max_length=255)),
                ("digest", models.CharField(max_length=255)),
                ("owner", models.CharField(max_length=16)),
                ("claimed_until", models.BigIntegerField()),
                ("finished_at", models.BigIntegerField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["transaction_id", "digest"], name="appservice_transaction"
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Handled",
            fields=[
                ("id", _KEY.clone()),
                ("key", models.CharField(max_length=255)),
                ("room", models.CharField(max_length=255, null=True)),
                ("ts", models.BigIntegerField(null=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["key"], name="appservice_handled")],
                "indexes": [models.Index(fields=["room", "id"], name="appservice_handled_room")],
            },
        ),
        migrations.CreateModel(
            name="Parked",
            fields=[
                ("id", _KEY.clone()),
                ("event", models.TextField()),
                ("error", models.TextField()),
                ("parked_at", models.BigIntegerField()),
            ],
        ),
    ]
