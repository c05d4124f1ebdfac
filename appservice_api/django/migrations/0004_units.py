"""What it takes to have handlers succeed once, and to find events of which processes die."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the table and the columns."""

    dependencies: ClassVar = [("appservice_api", "0003_settled")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Begun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=255)),
                ("times", models.IntegerField()),
                ("begun_at", models.BigIntegerField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["key"], name="appservice_begun")]
            },
        ),
        migrations.AddField("transaction", "takeovers", models.IntegerField(null=True)),
        migrations.AddField("parked", "key", models.CharField(max_length=255, null=True)),
        migrations.AddField("parked", "done", models.TextField(null=True)),
    ]
