"""What it takes to look after events that were missed."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the table and the index."""

    dependencies: ClassVar = [("appservice_api", "0002_deliveries")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Settled",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("room", models.CharField(max_length=255)),
                ("event_id", models.CharField(max_length=255)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["room"], name="appservice_settled")]
            },
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(finished_at=None),
                fields=["claimed_until"],
                name="appservice_in_flight",
            ),
        ),
    ]
