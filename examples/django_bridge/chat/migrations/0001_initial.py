"""The conversation."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Message",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(null=True, unique=True)),
                ("event_id", models.CharField(max_length=255, null=True, unique=True)),
                ("sender", models.CharField(max_length=255)),
                ("name", models.TextField()),
                ("kind", models.TextField(default="m.text")),
                ("body", models.TextField()),
                ("url", models.TextField(null=True)),
                ("sent_at", models.BigIntegerField()),
            ],
        ),
    ]
